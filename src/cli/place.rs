//! Where a store is, and how it is opened.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use anyhow::{Context, bail};
use clap::Args;

use super::input;
use crate::{
    store::{EmbeddedOptions, EmbeddedStore, EtcdConfig, EtcdLogin, EtcdStore, EtcdTls, Keys, Store},
    types::NameError,
};

/// Largest file with a certificate, a key or a password.
const MAX_SECRET_BYTES: usize = 1 << 20;

/// A store, as it is named on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Folder(PathBuf),
    /// Each with its port.
    Etcd(Vec<String>),
}

/// How to be let into an etcd, and which of its rows are meant.
#[derive(Debug, Args)]
pub(crate) struct Access {
    /// What the keys of all rows begin with.
    #[arg(long, default_value_t = Keys::default().root().to_owned(), value_name = "ROOT", value_parser = root)]
    root: String,
    #[command(flatten)]
    etcd: EtcdAccess,
}

/// How to be let into an etcd.
#[derive(Debug, Args)]
#[command(next_help_heading = "etcd")]
pub(crate) struct EtcdAccess {
    /// File with the authorities whose certificates to believe; then etcd is spoken to with TLS.
    #[arg(long, value_name = "FILE")]
    etcd_ca: Option<PathBuf>,
    /// File with the certificate to show.
    #[arg(long, value_name = "FILE", requires = "etcd_key", requires = "etcd_ca")]
    etcd_cert: Option<PathBuf>,
    /// File with that certificate's key.
    #[arg(long, value_name = "FILE", requires = "etcd_cert")]
    etcd_key: Option<PathBuf>,
    /// User of etcd's own.
    #[arg(long, value_name = "NAME", requires = "etcd_password_file")]
    etcd_user: Option<String>,
    /// File with that user's password.
    #[arg(long, value_name = "FILE", requires = "etcd_user")]
    etcd_password_file: Option<PathBuf>,
}

impl Access {
    pub(crate) fn keys(&self) -> Result<Keys, NameError> {
        Keys::new(&self.root)
    }

    /// Opens a store that is there.
    pub(crate) fn open(&self, place: &Place) -> anyhow::Result<Box<dyn Store>> {
        self.etcd.open(place, false)
    }

    /// Opens a store, and makes it if it is a folder without one.
    pub(crate) fn open_or_make(&self, place: &Place) -> anyhow::Result<Box<dyn Store>> {
        self.etcd.open(place, true)
    }
}

impl EtcdAccess {
    pub(crate) fn open(&self, place: &Place, create: bool) -> anyhow::Result<Box<dyn Store>> {
        match place {
            Place::Folder(folder) => {
                let options = EmbeddedOptions { create, ..EmbeddedOptions::default() };
                Ok(Box::new(EmbeddedStore::open(folder, options)?))
            }
            Place::Etcd(members) => Ok(Box::new(EtcdStore::new(self.config(members)?)?)),
        }
    }

    fn config(&self, members: &[String]) -> anyhow::Result<EtcdConfig> {
        let scheme = if self.etcd_ca.is_some() { "https" } else { "http" };
        let mut config = EtcdConfig::new(members.iter().map(|member| format!("{scheme}://{member}")))?;
        if let Some(ca) = &self.etcd_ca {
            let mut tls = EtcdTls::new(read("authorities' file", ca)?);
            if let (Some(cert), Some(key)) = (&self.etcd_cert, &self.etcd_key) {
                tls = tls.with_identity(read("certificate's file", cert)?, read("key's file", key)?);
            }
            config = config.with_tls(tls);
        }
        if let (Some(user), Some(file)) = (&self.etcd_user, &self.etcd_password_file) {
            let password = String::from_utf8(read("password's file", file)?).ok();
            let password = password.with_context(|| format!("{} holds no text", file.display()))?;
            config = config.with_login(EtcdLogin::new(user, password.trim_end_matches(['\r', '\n'])));
        }
        Ok(config)
    }
}

fn read(what: &str, path: &Path) -> anyhow::Result<Vec<u8>> {
    input::read(what, path, MAX_SECRET_BYTES)
}

fn root(text: &str) -> Result<String, NameError> {
    Keys::new(text).map(|keys| keys.root().to_owned())
}

impl FromStr for Place {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        match text.split_once("://") {
            Some(("etcd", members)) => {
                let members: Vec<_> = members.trim_end_matches('/').split(',').map(str::to_owned).collect();
                // Tells what is wrong with them, before anything is opened.
                EtcdConfig::new(members.iter().map(|member| format!("http://{member}")))?;
                Ok(Self::Etcd(members))
            }
            Some(("embedded", folder)) if folder.starts_with('/') => Ok(Self::Folder(folder.into())),
            None if !text.is_empty() => Ok(Self::Folder(text.into())),
            _ => bail!("a store is a folder, embedded:///folder or etcd://host:port[,host:port]"),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => folder.display().fmt(f),
            Self::Etcd(members) => write!(f, "etcd://{}", members.join(",")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stores_are_folders_and_etcds_and_nothing_else() {
        let folder = |path: &str| Place::Folder(path.into());
        let etcd =
            |members: &[&str]| Place::Etcd(members.iter().map(|member| (*member).to_owned()).collect());
        for (text, place) in [
            ("data", folder("data")),
            ("/var/lib/shardway", folder("/var/lib/shardway")),
            ("embedded:///var/lib/shardway", folder("/var/lib/shardway")),
            ("etcd://a:1", etcd(&["a:1"])),
            ("etcd://a:1,[::1]:2/", etcd(&["a:1", "[::1]:2"])),
        ] {
            assert_eq!(text.parse::<Place>().unwrap(), place);
        }
        for bad in
            ["", "embedded://data", "etcd://", "etcd://a", "etcd://a:1,", "etcd://u:p@a:1", "http://a:1"]
        {
            bad.parse::<Place>().unwrap_err();
        }
    }
}
