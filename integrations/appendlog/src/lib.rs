//! The append log: records that survive the process and the power.
