//! A free port of this machine, for a stub.

use std::io;

use axum::serve::{ListenerExt, TapIo};
use tokio::net::{TcpListener, TcpStream};

/// What listens there. Answers go out at once: held back until the one before is acknowledged, they
/// would be 40 ms late.
pub type Undelayed = TapIo<TcpListener, fn(&mut TcpStream)>;

/// Listens on a free port.
pub async fn listen() -> io::Result<Undelayed> {
    let undelayed: fn(&mut TcpStream) = |connection| {
        // Where it cannot be set the connection is gone, which shows when it is used.
        let _ = connection.set_nodelay(true);
    };
    Ok(TcpListener::bind("127.0.0.1:0").await?.tap_io(undelayed))
}
