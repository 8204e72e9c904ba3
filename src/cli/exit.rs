//! The exit codes. Scripts depend on them: a code, once given a meaning, keeps it.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done; the answer, if there was a question, is yes.
    Ok = 0,
    /// Done, and the answer is no: a check found problems, a comparison a difference.
    No = 1,
    /// The command line was not understood; nothing was done.
    Usage = 2,
    /// The command could not be carried out: a file is missing or was refused. The reason is on standard error.
    Failed = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_keep_their_meaning() {
        assert_eq!([Exit::Ok, Exit::No, Exit::Usage, Exit::Failed].map(|exit| exit as u8), [0, 1, 2, 3]);
    }
}
