//! Reads `/metrics` of a process.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

/// The whole page.
pub(crate) fn page(admin: SocketAddr) -> String {
    let mut stream = TcpStream::connect(admin).unwrap();
    let request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

/// The value of a series without labels.
pub(crate) fn shown(admin: SocketAddr, series: &str) -> f64 {
    let text = page(admin);
    let mut lines = text.lines();
    let value = lines.find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    let value = value.unwrap_or_else(|| panic!("no {series} in {text}"));
    value.parse().unwrap()
}

/// The sum of the series that begin with this text.
pub(crate) fn sum(admin: SocketAddr, start: &str) -> f64 {
    let text = page(admin);
    let series = text.lines().filter(|line| line.starts_with(start));
    let values = series.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    values.sum()
}
