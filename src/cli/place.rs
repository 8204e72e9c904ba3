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

/// The least that a folder's rows may be allowed to take: some transactions of the largest kind.
const MIN_STORE_BYTES: usize = 16 << 20;

/// A store, as it is named on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// With what its rows may take, if that was said.
    Folder(PathBuf, Option<usize>),
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
            Place::Folder(folder, max_bytes) => {
                let options = EmbeddedOptions::default();
                let max_bytes = max_bytes.unwrap_or(options.max_bytes);
                let options = EmbeddedOptions { create, max_bytes, ..options };
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
            Some(("embedded", folder)) if folder.starts_with('/') => match folder.split_once('?') {
                None => Ok(Self::Folder(folder.into(), None)),
                Some((folder, setting)) => Ok(Self::Folder(folder.into(), Some(max_bytes(setting)?))),
            },
            None if !text.is_empty() => Ok(Self::Folder(text.into(), None)),
            _ => bail!(
                "a store is a folder, embedded:///folder[?max_bytes=8GiB] or etcd://host:port[,host:port]"
            ),
        }
    }
}

/// The one setting that a folder has.
fn max_bytes(setting: &str) -> anyhow::Result<usize> {
    let bytes = setting.strip_prefix("max_bytes=").and_then(|size| {
        let digits = size.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
        let shift = match &size[digits.len()..] {
            "" => 0,
            "KiB" => 10,
            "MiB" => 20,
            "GiB" => 30,
            _ => return None,
        };
        digits.parse::<usize>().ok()?.checked_mul(1 << shift).filter(|bytes| *bytes >= MIN_STORE_BYTES)
    });
    bytes.with_context(|| {
        format!(
            "\"?{setting}\" is not what a folder can be told: ?max_bytes=, then {} MiB or more as a number of bytes, \
             KiB, MiB or GiB, such as ?max_bytes=8GiB",
            MIN_STORE_BYTES >> 20
        )
    })
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder, None) => folder.display().fmt(f),
            Self::Folder(folder, Some(bytes)) => {
                write!(f, "embedded://{}?max_bytes={bytes}", folder.display())
            }
            Self::Etcd(members) => write!(f, "etcd://{}", members.join(",")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stores_are_folders_and_etcds_and_nothing_else() {
        let folder = |path: &str| Place::Folder(path.into(), None);
        let limited = |path: &str, bytes| Place::Folder(path.into(), Some(bytes));
        let etcd =
            |members: &[&str]| Place::Etcd(members.iter().map(|member| (*member).to_owned()).collect());
        for (text, place) in [
            ("data", folder("data")),
            ("/var/lib/shardway", folder("/var/lib/shardway")),
            ("embedded:///var/lib/shardway", folder("/var/lib/shardway")),
            ("embedded:///data?max_bytes=8GiB", limited("/data", 8 << 30)),
            ("embedded:///data?max_bytes=16777216", limited("/data", 16 << 20)),
            // A plain path is taken as it is.
            ("data?max_bytes=8GiB", folder("data?max_bytes=8GiB")),
            ("etcd://a:1", etcd(&["a:1"])),
            ("etcd://a:1,[::1]:2/", etcd(&["a:1", "[::1]:2"])),
        ] {
            assert_eq!(text.parse::<Place>().unwrap(), place);
            assert_eq!(place.to_string().parse::<Place>().unwrap(), place);
        }
        for bad in
            ["", "embedded://data", "etcd://", "etcd://a", "etcd://a:1,", "etcd://u:p@a:1", "http://a:1"]
        {
            bad.parse::<Place>().unwrap_err();
        }
        for bad in
            ["", "max_bytes", "max_bytes=", "max_bytes=GiB", "max_bytes=8GB", "max_bytes=-1", "size=8GiB"]
        {
            let error = format!("embedded:///data?{bad}").parse::<Place>().unwrap_err().to_string();
            assert!(error.contains("such as ?max_bytes=8GiB"), "{error}");
        }
        for bad in ["1MiB", "99999999999GiB", "8GiB&max_bytes=9GiB"] {
            format!("embedded:///data?max_bytes={bad}").parse::<Place>().unwrap_err();
        }
    }
}
