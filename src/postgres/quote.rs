//! How names and values get into SQL text: the functions are the model's, since plans of statements are made there too.

pub use crate::model::quote::{identifier, literal, qualified};
