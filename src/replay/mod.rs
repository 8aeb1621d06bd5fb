//! Sends records of a log to their targets again, without a gateway: the same rooms and couriers,
//! one record after the other, with an end that says what became of each.
//!
//! * `fit`: whether what is stored is a record of the target that it is to go to.
//! * `sender`: hands records over and hears what became of them.

mod fit;
mod sender;

pub use fit::{Fit, Misfit, fit};
pub use sender::{Ended, Sender};
