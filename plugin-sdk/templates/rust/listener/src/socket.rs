// SPDX-License-Identifier: Apache-2.0
//! Listening sockets that share their port: the instances of all event loops have one each, and a new build of
//! the plugin takes over from an old one. The standard library cannot ask for that before it binds.
#![allow(unsafe_code)]

use std::io::{Error, Result};
use std::net::{SocketAddrV4, TcpListener};
use std::os::raw::{c_int, c_void};
use std::os::unix::io::{AsRawFd, FromRawFd, OwnedFd};

const AF_INET: c_int = 2;
const SOCK_STREAM: c_int = 1;
const SOCK_NONBLOCK: c_int = 0o4000;
const SOCK_CLOEXEC: c_int = 0o2_000_000;
const SOL_SOCKET: c_int = 1;
const SO_REUSEADDR: c_int = 2;
const SO_REUSEPORT: c_int = 15;

/// sockaddr_in (ip(7)): port and address in network order.
#[repr(C)]
struct Address {
    family: u16,
    port: [u8; 2],
    ip: [u8; 4],
    zero: [u8; 8],
}

extern "C" {
    fn socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int;
    fn setsockopt(fd: c_int, level: c_int, name: c_int, value: *const c_void, size: u32) -> c_int;
    fn bind(fd: c_int, address: *const Address, size: u32) -> c_int;
    #[link_name = "listen"]
    fn system_listen(fd: c_int, backlog: c_int) -> c_int;
}

/// A non-blocking listener.
pub fn listen(place: SocketAddrV4) -> Result<TcpListener> {
    let address = Address {
        family: AF_INET as u16,
        port: place.port().to_be_bytes(),
        ip: place.ip().octets(),
        zero: [0; 8],
    };
    let on: c_int = 1;
    // SAFETY: system calls, with pointers to values of the size that is given.
    unsafe {
        let fd = checked(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0))?;
        let owned = OwnedFd::from_raw_fd(fd);
        for option in [SO_REUSEADDR, SO_REUSEPORT] {
            checked(setsockopt(owned.as_raw_fd(), SOL_SOCKET, option, (&on as *const c_int).cast(), 4))?;
        }
        checked(bind(fd, &address, std::mem::size_of::<Address>() as u32))?;
        checked(system_listen(fd, 128))?;
        Ok(TcpListener::from(owned))
    }
}

fn checked(status: c_int) -> Result<c_int> {
    if status < 0 {
        Err(Error::last_os_error())
    } else {
        Ok(status)
    }
}
