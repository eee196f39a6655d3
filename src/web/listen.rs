//! Listening: on this machine only unless the site says otherwise; a connection that is silent for too long is closed, so
//! that slow clients hold nothing for ever.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Sleep, sleep};

use super::{Desk, router};
use crate::pipeline::OfficeError;

/// A connection ends when nothing was sent or taken for so long.
const SILENCE: Duration = Duration::from_secs(40);
/// So many connections at once; more wait.
const MOST: usize = 2000;

/// The desk, bound to an address and not serving yet.
pub struct Listening {
    listener: TcpListener,
    pub address: SocketAddr,
}

impl Listening {
    /// Binds. An address that other machines can reach is taken only when a proxy with TLS is listed.
    pub async fn bind(listen: &str, has_proxy: bool) -> Result<Listening, OfficeError> {
        let wrong = |why: String| OfficeError::input("listen", why, None, "write it like 127.0.0.1:8088");
        let address: SocketAddr =
            listen.parse().map_err(|_| wrong(format!("'{listen}' is not an address to listen on")))?;
        if !address.ip().is_loopback() && !has_proxy {
            return Err(OfficeError::Usage(format!(
                "{address} can be reached from other machines, and the desk speaks plain HTTP: put a proxy with TLS in front, \
                 list its address under [desk] proxies, or listen on 127.0.0.1"
            )));
        }
        let listener = TcpListener::bind(address).await.map_err(|e| wrong(format!("{address}: {e}")))?;
        let address = listener.local_addr().map_err(|e| wrong(e.to_string()))?;
        Ok(Listening { listener, address })
    }
}

/// Serves until `end` is ready; requests that are under way are finished.
pub async fn serve(
    desk: Desk,
    listening: Listening,
    end: impl Future<Output = ()> + Send + 'static,
) -> Result<(), OfficeError> {
    let app = router::router(desk).into_make_service_with_connect_info::<Peer>();
    let guarded =
        Guarded { listener: listening.listener, room: std::sync::Arc::new(tokio::sync::Semaphore::new(MOST)) };
    axum::serve(guarded, app)
        .with_graceful_shutdown(end)
        .await
        .map_err(|e| OfficeError::Disk { path: listening.address.to_string(), cause: e.to_string() })
}

struct Guarded {
    listener: TcpListener,
    room: std::sync::Arc<tokio::sync::Semaphore>,
}

impl axum::serve::Listener for Guarded {
    type Io = Quiet;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Quiet, SocketAddr) {
        loop {
            let place = self.room.clone().acquire_owned().await;
            match self.listener.accept().await {
                Ok((stream, peer)) => {
                    let _ = stream.set_nodelay(true);
                    let silence = Box::pin(sleep(SILENCE));
                    let (asked, ended, reader) = (false, false, None);
                    return (Quiet { stream, silence, asked, ended, reader, _place: place.ok() }, peer);
                }
                // Out of file handles, or the peer is gone already: others may still come.
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be taken");
                    sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// Who is at the other end.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

impl axum::extract::connect_info::Connected<axum::serve::IncomingStream<'_, Guarded>> for Peer {
    fn connect_info(stream: axum::serve::IncomingStream<'_, Guarded>) -> Peer {
        Peer(*stream.remote_addr())
    }
}

/// A connection that ends after a silence. Who hangs up right behind a request is answered all the same: the server hears of
/// the end when it has begun to answer, so that what was asked for is not dropped unread.
struct Quiet {
    stream: TcpStream,
    silence: Pin<Box<Sleep>>,
    /// Something was read since anything was written.
    asked: bool,
    /// The peer sends nothing more.
    ended: bool,
    /// Who waits to hear of the end.
    reader: Option<Waker>,
    _place: Option<tokio::sync::OwnedSemaphorePermit>,
}

impl Quiet {
    fn heard<T>(&mut self, cx: &mut Context<'_>, got: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if got.is_ready() {
            self.silence.as_mut().reset(tokio::time::Instant::now() + SILENCE);
            return got;
        }
        match self.silence.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for Quiet {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.ended {
            let before = buffer.filled().len();
            let got = Pin::new(&mut self.stream).poll_read(cx, buffer);
            let came = buffer.filled().len() > before;
            self.asked |= came;
            self.ended = matches!(got, Poll::Ready(Ok(()))) && !came && buffer.remaining() > 0;
            if !self.ended {
                return self.heard(cx, got);
            }
        }
        if !self.asked {
            return Poll::Ready(Ok(()));
        }
        self.reader = Some(cx.waker().clone());
        self.heard(cx, Poll::Pending)
    }
}

impl AsyncWrite for Quiet {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let got = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if got.is_ready() {
            self.asked = false;
            self.reader.take().into_iter().for_each(Waker::wake);
        }
        self.heard(cx, got)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
