//! The client of DynamoDB.

pub mod client;
pub mod config;
mod operations;
pub mod retry;
mod signer;
