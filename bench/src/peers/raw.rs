//! The server that an expert writes by hand on tokio: no copy of a frame, no timer, no limit, no record of the end.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::wire::Framing;

const BUFFER_BYTES: usize = 8 * 1024;

/// Echoes every complete frame of a read in one write.
pub(super) async fn echo(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut filled = 0;
    loop {
        let room = buffer.get_mut(filled..).unwrap_or_default();
        let read = stream.read(room).await?;
        if read == 0 {
            // The peer's FIN, or a frame that is longer than the buffer.
            return Ok(());
        }
        filled += read;
        let bytes = buffer.get(..filled).unwrap_or_default();
        let complete = Framing::U32.complete_len(bytes);
        stream
            .write_all(bytes.get(..complete).unwrap_or_default())
            .await?;
        // Nothing for a socket; TLS may hold records back.
        stream.flush().await?;
        buffer.copy_within(complete..filled, 0);
        filled -= complete;
    }
}
