//! `shardway config check`.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

use clap::Args;

use super::{
    super::{console::Console, exit::Exit, input},
    report::{Given, Report},
};
use crate::{
    dynconfig::{ConfigError, Layer, Layers, MAX_FILE_BYTES, Settings, Strictness},
    types::Namespace,
};

/// Enough to tell of a file that it is larger than [`MAX_FILE_BYTES`], as a process would, and not read for ever.
const MAX_READ_BYTES: usize = 16 * MAX_FILE_BYTES;

/// Tell what is wrong with a file, or what each namespace would get from it and why.
///
/// Puts nothing in force. Exits with 1 when the file would be refused; every problem is told with its place.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shardway config check examples/dynamic.yaml
  shardway config check examples/dynamic.yaml --namespace orders --namespace billing
  shardway config check examples/dynamic.yaml --output json
  shardway config check cadence.yaml --lenient --cluster cluster0
  kubectl get configmap dynamic -o jsonpath={.data.config} | shardway config check -")]
pub(super) struct Check {
    /// The file; `-` is standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Whose values to show, given once for each. Without it: those that the file names, and all others.
    #[arg(short, long = "namespace", value_name = "NAMESPACE")]
    namespaces: Vec<Namespace>,
    /// What constraints by clusterName are compared with.
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
    /// Pass over unknown keys that do not begin with `shardway.`, as in a file that other services read too.
    #[arg(long)]
    lenient: bool,
}

impl Check {
    pub(super) fn run(self, console: &mut Console<'_>) -> anyhow::Result<Exit> {
        let name =
            if self.file.as_os_str() == "-" { "<stdin>".into() } else { self.file.display().to_string() };
        let contents = input::read("config file", &self.file, MAX_READ_BYTES)?;
        let strictness = if self.lenient { Strictness::Lenient } else { Strictness::Strict };
        match Settings::parse(&name, contents, strictness) {
            Ok(settings) => {
                console.show(&self.report(&name, Arc::new(settings)))?;
                Ok(Exit::Ok)
            }
            Err(ConfigError::Refused(refusal)) => {
                console.show(&Report::of_refused(&name, &refusal))?;
                Ok(Exit::No)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn report(self, name: &str, settings: Arc<Settings>) -> Report {
        let layers = Layers::new(self.cluster.as_deref()).with(Layer::LocalFile, Some(Arc::clone(&settings)));
        let asks_for_all = self.namespaces.is_empty();
        // A constraint may name what can be no namespace; nobody will ever ask for that.
        let named = settings.namespaces().into_iter().filter_map(|name| Namespace::new(name).ok());
        let shown: BTreeSet<Namespace> =
            if asks_for_all { named.collect() } else { self.namespaces.into_iter().collect() };
        let mut given: Vec<Given> = shown
            .into_iter()
            .map(|namespace| Given::to(Some(&namespace), layers.explain(&namespace)))
            .collect();
        if asks_for_all {
            given.push(Given::to(None, layers.explain_others()));
        }
        Report::of_valid(name, &settings, given)
    }
}
