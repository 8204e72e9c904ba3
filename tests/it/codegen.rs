//! Generated code is checked in, so that nobody needs a build script or `protoc`; this holds it to what it is made of.

use std::{fs, path::Path};

use tonic_prost_build::FileDescriptorSet;

/// A package of which code is made.
struct Package {
    name: &'static str,
    /// Its files, below `proto`.
    files: &'static [&'static str],
    /// Where the code goes.
    target: &'static str,
    /// Messages alone, or services as well: then what reflection tells of them goes beside the code.
    services: bool,
    /// Messages whose own `Debug` leaves secrets out.
    own_debug: &'static [&'static str],
}

const PACKAGES: [Package; 3] = [
    Package {
        name: "etcdserverpb",
        files: &["etcd.proto"],
        target: "src/store/etcd/wire.rs",
        // `src/store/etcd/client.rs` is the client.
        services: false,
        own_debug: &["AuthenticateRequest", "AuthenticateResponse"],
    },
    Package {
        name: "shardway.v1",
        files: &[
            "shardway/v1/admin.proto",
            "shardway/v1/common.proto",
            "shardway/v1/executor.proto",
            "shardway/v1/router.proto",
        ],
        target: "src/proto/v1/wire.rs",
        services: true,
        own_debug: &[],
    },
    Package {
        name: "uber.cadence.sharddistributor.v1",
        files: &["cadence.proto"],
        target: "src/proto/cadence/wire.rs",
        services: true,
        own_debug: &[],
    },
];

#[test]
fn generated_code_is_what_the_protocol_files_make() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for package in PACKAGES {
        let target = root.join(package.target);
        let mut made = vec![(target.clone(), package.generate(root).into_bytes())];
        if package.services {
            made.push((target.with_file_name("descriptors.bin"), package.describe(root)));
        }
        for (target, contents) in made {
            if std::env::var_os("UPDATE").is_some() {
                fs::write(&target, &contents).unwrap();
            }
            let same = fs::read(&target).unwrap_or_default() == contents;
            let files = package.files;
            assert!(same, "{} is not made of {files:?}: UPDATE=1 cargo test codegen", target.display());
        }
    }
}

impl Package {
    fn compile(&self, root: &Path) -> protox::Compiler {
        let mut compiler = protox::Compiler::new([root.join("proto")]).unwrap();
        compiler.include_source_info(true).include_imports(true);
        compiler.open_files(self.files.iter().map(|file| root.join("proto").join(file))).unwrap();
        compiler
    }

    /// The files as they are, for reflection. Without comments, which are most of them.
    fn describe(&self, root: &Path) -> Vec<u8> {
        let mut compiler = self.compile(root);
        compiler.include_source_info(false).encode_file_descriptor_set()
    }

    fn generate(&self, root: &Path) -> String {
        let mut files = self.compile(root).file_descriptor_set();
        serve_streams_that_clients_leave_open(&mut files);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(self.name);
        fs::create_dir_all(&folder).unwrap();
        tonic_prost_build::configure()
            .build_client(self.services)
            .build_server(self.services)
            .build_transport(false)
            .bytes(".")
            // Encoded once for all watchers.
            .extern_path(".shardway.v1.WatchResponse", "crate::proto::v1::WatchResponse")
            .extern_path(
                ".uber.cadence.sharddistributor.v1.WatchNamespaceStateResponse",
                "crate::proto::cadence::WatchNamespaceStateResponse",
            )
            .btree_map(".")
            .skip_debug(self.own_debug)
            .emit_rerun_if_changed(false)
            .out_dir(&folder)
            .compile_fds(files)
            .unwrap();
        let code = fs::read_to_string(folder.join(format!("{}.rs", self.name))).unwrap();
        let files = self.files.iter().map(|file| format!("proto/{file}")).collect::<Vec<_>>().join(", ");
        let note = format!("// Made of {files} by tests/it/codegen.rs; not to be edited.\n");
        note + code.split_once('\n').map_or("", |(_first_says_the_same, rest)| rest)
    }
}

/// Go clients open the watch as a stream both ways and never close their side. A server that waits for the end of the
/// one request, as generated code does, would wait for the life of the call.
fn serve_streams_that_clients_leave_open(files: &mut FileDescriptorSet) {
    let methods =
        files.file.iter_mut().flat_map(|file| &mut file.service).flat_map(|service| &mut service.method);
    for method in methods.filter(|method| method.name() == "WatchNamespaceState") {
        method.client_streaming = Some(true);
    }
}
