//! The base of most servers: tokio-util's `Framed` with its `LengthDelimitedCodec`.

use std::io;

use bytes::Bytes;
use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_util::codec::{Framed, LengthDelimitedCodec};

/// Echoes each frame with `send`, which flushes, as in the examples of the documentation.
pub(super) async fn echo_with_send(stream: TcpStream) -> io::Result<()> {
    let mut frames = Framed::new(stream, LengthDelimitedCodec::new());
    while let Some(frame) = frames.next().await {
        frames.send(frame?.freeze()).await?;
    }
    Ok(())
}

/// Feeds each frame and flushes when no further complete frame has been read, as an expert would.
pub(super) async fn echo_with_feed(stream: TcpStream) -> io::Result<()> {
    let mut frames = Framed::new(stream, LengthDelimitedCodec::new());
    while let Some(first) = frames.next().await {
        frames.feed(first?.freeze()).await?;
        while let Some(Some(next)) = frames.next().now_or_never() {
            frames.feed(next?.freeze()).await?;
        }
        SinkExt::<Bytes>::flush(&mut frames).await?;
    }
    Ok(())
}
