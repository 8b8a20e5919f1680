//! The `bench` command.

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    bench::run().await
}
