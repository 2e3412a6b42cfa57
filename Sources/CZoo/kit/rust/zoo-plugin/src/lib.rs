//! Plugins of PolicyZoo in Rust.
//!
//! An algorithm implements [`Algorithm`]; [`plugin!`] exports it. What the host hands out lives in [`Batch`] and is given back when
//! it is dropped; panics become errors of the call that they happened in.
//!
//! ```ignore
//! struct Mine { prompts: u64 }
//! impl Algorithm for Mine { ... }
//! zoo_plugin::plugin!(Mine);
//! ```
pub mod raw;

mod batch;
mod error;
mod export;
mod host;

pub use batch::{Batch, Extended, View};
pub use error::{Error, Result, Status};
pub use export::{Algorithm, Info};
#[doc(hidden)]
pub use export::{create, info, Exported};
pub use host::{Cut, Host, Loss, Normaliser, Parameters, Update};
