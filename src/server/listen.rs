//! A listener that lets in no more than it may, and nobody who says nothing.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Sleep,
};
use tonic::transport::server::{Connected, TcpConnectInfo};

use super::metrics::{Metrics, Port};

/// How long to wait when the system gives no connection: it has no files left, say.
const PAUSE: Duration = Duration::from_millis(100);

/// What a listener lets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// So many connections at a time. What comes beyond is closed at once.
    pub connections: usize,
    /// So many bytes have to come...
    pub first_bytes: usize,
    /// ... within this time, or the connection is closed.
    pub first_bytes_within: Duration,
}

/// Accepts connections within bounds.
#[derive(Debug)]
pub struct Listener {
    tcp: TcpListener,
    bounds: Bounds,
    free: Arc<Semaphore>,
    metrics: Arc<Metrics>,
    port: Port,
}

/// A connection that was let in. It makes room for another when it is dropped.
#[derive(Debug)]
pub struct Connection {
    tcp: TcpStream,
    /// Until the first bytes have come.
    silence: Option<Silence>,
    _counted: Counted,
    _place: OwnedSemaphorePermit,
}

#[derive(Debug)]
struct Silence {
    ends: Pin<Box<Sleep>>,
    missing: usize,
}

/// One open connection of a port.
#[derive(Debug)]
struct Counted(Arc<Metrics>, Port);

impl Listener {
    /// Lets in what comes there; counted as connections of the port.
    pub fn new(tcp: TcpListener, bounds: Bounds, port: Port, metrics: Arc<Metrics>) -> Self {
        Self { tcp, bounds, free: Arc::new(Semaphore::new(bounds.connections)), metrics, port }
    }

    /// The next connection that is let in. May be dropped without losing one.
    pub async fn accept(&self) -> Connection {
        loop {
            let tcp = match self.tcp.accept().await {
                Ok((tcp, _)) => tcp,
                Err(error) => {
                    tracing::warn!(%error, "no connection can be accepted; it is tried again in {PAUSE:?}");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            let Ok(place) = self.free.clone().try_acquire_owned() else {
                self.metrics.port(self.port).too_many.fetch_add(1, Ordering::Relaxed);
                continue;
            };
            // Frames are small, and waited for.
            let _ = tcp.set_nodelay(true);
            self.metrics.port(self.port).open.fetch_add(1, Ordering::Relaxed);
            let ends = Box::pin(tokio::time::sleep(self.bounds.first_bytes_within));
            return Connection {
                tcp,
                silence: Some(Silence { ends, missing: self.bounds.first_bytes }),
                _counted: Counted(self.metrics.clone(), self.port),
                _place: place,
            };
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.port(self.1).open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.tcp.connect_info()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let read = Pin::new(&mut self.tcp).poll_read(context, into);
        let Self { silence, _counted: Counted(metrics, port), .. } = &mut *self;
        let Some(waiting) = silence else { return read };
        waiting.missing = waiting.missing.saturating_sub(into.filled().len() - before);
        if waiting.missing == 0 {
            *silence = None;
        } else if read.is_pending() && waiting.ends.as_mut().poll(context).is_ready() {
            metrics.port(*port).silent.fetch_add(1, Ordering::Relaxed);
            *silence = None;
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }
}
