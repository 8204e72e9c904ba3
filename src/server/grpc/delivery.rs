//! Frames for those who listen on a stream.
//!
//! Whoever does not take what it is sent has gone without a word, or would rather not know; its place is for others.

use std::time::Duration;

use tokio::{sync::mpsc, time::timeout};
use tonic::Status;

use crate::proto::v1::wire::{Problem, problem::Reason};

/// How long a frame waits to be taken.
const TAKEN_WITHIN: Duration = Duration::from_secs(14);
/// How long the last word waits. Who is slow without being gone has some of it on the way still.
const LAST_WITHIN: Duration = Duration::from_secs(1);

/// Sends a frame. `Ok(false)`: there is nobody any more.
pub(in crate::server) async fn deliver<T>(
    to: &mpsc::Sender<Result<T, Status>>,
    frame: T,
) -> Result<bool, Problem> {
    match timeout(TAKEN_WITHIN, to.send(Ok(frame))).await {
        Ok(sent) => Ok(sent.is_ok()),
        Err(_) => {
            let rule = format!("was not taken within {TAKEN_WITHIN:?}");
            let problem = Problem::new(Reason::TooMany, "what this stream is to be told", rule);
            Err(problem.remedy("read faster, and open it again with what you have"))
        }
    }
}

/// Why the stream ends.
pub(in crate::server) async fn end<T>(to: &mpsc::Sender<Result<T, Status>>, why: Status) {
    let _ = timeout(LAST_WITHIN, to.send(Err(why))).await;
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_reads_nothing_is_cut_and_who_has_gone_is_noticed() {
        let (to, mut from) = mpsc::channel(1);
        assert_eq!(deliver(&to, 1).await, Ok(true));
        let began = tokio::time::Instant::now();
        let problem = deliver(&to, 2).await.unwrap_err();
        end(&to, problem.clone().into_status()).await;
        assert_eq!(began.elapsed(), Duration::from_secs(15));
        assert_eq!(problem.into_status().code(), Code::ResourceExhausted);
        assert_eq!(from.recv().await.unwrap().unwrap(), 1);
        drop(from);
        assert_eq!(deliver(&to, 3).await, Ok(false));
        end(&to, Status::unavailable("nobody hears this")).await;
    }
}
