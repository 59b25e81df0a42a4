//! The binary.
use std::path::PathBuf;
fn main() -> anyhow::Result<()> {
    let file = std::env::args().nth(2).map(PathBuf::from);
    let config =
        pgsteward::config::Config::load(file.as_deref(), pgsteward::config::environment())?;
    pgsteward::telemetry::init(config.log.format, &config.log.filter)?;
    let rt = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    rt.block_on(async {
        let stop = pgsteward::shutdown::on_signal()?;
        pgsteward::app::run(&config, stop)
            .await
            .map_err(|f| anyhow::anyhow!("{f}"))
    })
}
