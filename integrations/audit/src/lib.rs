//! The history checker: what was answered against what the targets hold. It knows nothing of the
//! gateway but HTTP.
