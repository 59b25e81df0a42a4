//! Compiles the protos without protoc, and lists the control store's own revisions for embedding.

use std::{env, error::Error, fmt::Write as _, fs, path::PathBuf};

const PROTO_ROOT: &str = "proto";
const REVISIONS_DIRECTORY: &str = "migrations";

fn main() -> Result<(), Box<dyn Error>> {
    let out_directory = PathBuf::from(env::var("OUT_DIR")?);
    compile_protos(&out_directory)?;
    embed_revisions(&out_directory)
}

fn compile_protos(out_directory: &std::path::Path) -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={PROTO_ROOT}");
    let mut files: Vec<PathBuf> = fs::read_dir("proto/pgsteward/v1")?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.sort();

    let mut compiler = protox::Compiler::new([PROTO_ROOT])?;
    compiler.include_source_info(true).include_imports(true);
    compiler.open_files(files)?;
    // The encoded bytes, not a re-encoded prost set: prost drops unknown fields such as our own options.
    fs::write(
        out_directory.join("descriptors.bin"),
        compiler.encode_file_descriptor_set(),
    )?;

    let mut config = prost_build::Config::new();
    config.enable_type_names();
    tonic_prost_build::configure()
        .compile_fds_with_config(compiler.file_descriptor_set(), config)?;
    Ok(())
}

/// Writes a list of (file name, text) that `state` includes, so that no list is kept by hand.
fn embed_revisions(out_directory: &std::path::Path) -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={REVISIONS_DIRECTORY}");
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join(REVISIONS_DIRECTORY);
    let mut names: Vec<String> = fs::read_dir(&root)?
        .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
        .collect::<Result<_, _>>()?;
    names.retain(|name| {
        std::path::Path::new(name)
            .extension()
            .is_some_and(|e| e == "sql")
    });
    names.sort();

    let mut list = String::from("&[\n");
    for name in names {
        // The text itself and no path to it: a target directory may serve more than one checkout.
        let text = fs::read_to_string(root.join(&name))?;
        writeln!(list, "    ({name:?}, {text:?}),")?;
    }
    list.push_str("]\n");
    fs::write(out_directory.join("control_revisions.rs"), list)?;
    Ok(())
}
