//! Generated code is checked in, so that nobody needs a build script or `protoc`; this holds it to what it is made of.

use std::{fs, path::Path};

/// What is generated: the file in `proto`, its package, and where the code goes.
const GENERATED: [(&str, &str, &str); 1] = [("etcd.proto", "etcdserverpb", "src/store/etcd/wire.rs")];

#[test]
fn generated_code_is_what_the_protocol_files_make() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (proto, package, target) in GENERATED {
        let generated = generate(root, proto, package);
        let target = root.join(target);
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&target, &generated).unwrap();
        }
        let present = fs::read_to_string(&target).unwrap_or_default();
        let same = generated == present;
        assert!(same, "{} is not made of proto/{proto}: UPDATE=1 cargo test codegen", target.display());
    }
}

/// Messages alone: `src/store/etcd/call.rs` is the client.
fn generate(root: &Path, proto: &str, package: &str) -> String {
    let mut compiler = protox::Compiler::new([root.join("proto")]).unwrap();
    compiler.include_source_info(true).include_imports(true);
    compiler.open_files([root.join("proto").join(proto)]).unwrap();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(package);
    fs::create_dir_all(&folder).unwrap();
    tonic_prost_build::configure()
        .build_client(false)
        .build_server(false)
        .bytes(".")
        // Their own `Debug` leaves the secrets out.
        .skip_debug(["AuthenticateRequest", "AuthenticateResponse"])
        .emit_rerun_if_changed(false)
        .out_dir(&folder)
        .compile_fds(compiler.file_descriptor_set())
        .unwrap();
    let code = fs::read_to_string(folder.join(format!("{package}.rs"))).unwrap();
    let note = format!("// Made of proto/{proto} by tests/it/codegen.rs; not to be edited.\n");
    note + code.split_once('\n').map_or("", |(_first_says_the_same, rest)| rest)
}
