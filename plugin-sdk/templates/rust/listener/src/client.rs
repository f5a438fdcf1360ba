// SPDX-License-Identifier: Apache-2.0
//! One connected client: lines in, lines out.

use jackfield::host::{Events, Watch};
use jackfield::transport::{ClientFlags, ClientId, ListenerId, Message, Outgoing, Taken};
use jackfield::{Error, Lane, Status};
use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// Bytes that wait before the gateway hears of a slow reader, and before the connection is given up.
const SLOW: usize = 64 * 1024;
const GIVEN_UP: usize = 16 * 1024 * 1024;

/// The clients of an instance.
#[derive(Default)]
pub struct Clients(Mutex<HashMap<ClientId, Arc<Client>>>);

impl Clients {
    pub fn get(&self, id: ClientId) -> Option<Arc<Client>> {
        lock(&self.0).get(&id).cloned()
    }
}

/// Everything happens on the lane; the locks only say so to the compiler. None is held while the gateway is
/// called, which may come back at once.
pub struct Client {
    id: ClientId,
    most: usize,
    clients: Weak<Clients>,
    buffers: Mutex<Buffers>,
    /// Gone when the connection is over.
    watch: Mutex<Option<Watch<TcpStream>>>,
}

#[derive(Default)]
struct Buffers {
    input: Vec<u8>,
    output: Vec<u8>,
    /// The gateway waits for `client_writable`.
    is_slow: bool,
    /// The connection ends when `output` is empty.
    is_closing: bool,
}

/// What became of writing.
enum Written {
    Waiting,
    All,
    Broken,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Client {
    /// Takes a connection, with lines of at most `most` bytes.
    pub fn begin(
        lane: &Lane,
        stream: TcpStream,
        listener: ListenerId,
        address: &str,
        most: usize,
        clients: &Arc<Clients>,
    ) -> Result<(), Error> {
        stream.set_nonblocking(true)?;
        let flags = ClientFlags { is_shared: true, ..ClientFlags::default() };
        let id = lane.client_opened(listener, address, flags)?;
        let client = Arc::new(Client {
            id,
            most,
            clients: Arc::downgrade(clients),
            buffers: Mutex::default(),
            watch: Mutex::new(None),
        });
        let weak = Arc::downgrade(&client);
        let watch = lane.watch(stream, Events::READABLE | Events::WRITABLE, move |lane, stream, events| {
            if let Some(client) = weak.upgrade() {
                client.turn(lane, stream, events);
            }
        });
        match watch {
            Ok(watch) => {
                *lock(&client.watch) = Some(watch);
                lock(&clients.0).insert(id, client);
                Ok(())
            }
            Err(error) => {
                let _ = lane.client_closed(id);
                Err(error)
            }
        }
    }

    fn turn(&self, lane: &Lane, mut stream: &TcpStream, events: Events) {
        if events.contains(Events::WRITABLE) {
            self.flush(lane);
        }
        let mut part = [0; 16 * 1024];
        while lock(&self.watch).is_some() {
            match stream.read(&mut part) {
                Ok(0) => self.end(lane, true),
                Ok(count) => {
                    lock(&self.buffers).input.extend_from_slice(&part[..count]);
                    self.deliver(lane);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => self.end(lane, true),
            }
        }
    }

    /// Hands every whole line to the gateway, which may answer, or end the client, before it returns.
    fn deliver(&self, lane: &Lane) {
        let mut input = std::mem::take(&mut lock(&self.buffers).input);
        let mut from = 0;
        while let Some(length) = input[from..].iter().position(|byte| *byte == b'\n') {
            let line = &input[from..from + length];
            from += length + 1;
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if lock(&self.watch).is_none() {
                return;
            }
            if line.is_empty() {
                continue;
            }
            let message = Outgoing { body: Some(line), ..Outgoing::default() };
            if lane.client_message(self.id, &message).is_err() {
                return self.end(lane, false);
            }
        }
        input.drain(..from);
        if input.len() > self.most {
            return self.end(lane, true);
        }
        lock(&self.buffers).input = input;
    }

    /// Writes a message as one line.
    pub fn reply(&self, lane: &Lane, message: &Message<'_>) -> Result<Taken, Error> {
        let gone = || Error::new(Status::Stale, "this client is gone");
        {
            let mut buffers = lock(&self.buffers);
            if buffers.is_closing {
                return Err(gone());
            }
            // Without a body it is an acknowledgement: there is no line for it.
            if !message.has_body() {
                return Ok(Taken::Ready);
            }
            for segment in message.body() {
                // A JSON text may have line feeds only between its tokens: there a space does as well.
                let is_feed = |byte: u8| byte == b'\n' || byte == b'\r';
                buffers.output.extend(segment.iter().map(|byte| if is_feed(*byte) { b' ' } else { *byte }));
            }
            buffers.output.push(b'\n');
        }
        self.flush(lane);
        let waiting = lock(&self.buffers).output.len();
        if waiting > GIVEN_UP {
            self.end(lane, true);
        }
        if lock(&self.watch).is_none() {
            return Err(gone());
        }
        if waiting > SLOW {
            lock(&self.buffers).is_slow = true;
            return Ok(Taken::Slow);
        }
        Ok(Taken::Ready)
    }

    /// Closes the connection once all is written.
    pub fn finish(&self, lane: &Lane) {
        lock(&self.buffers).is_closing = true;
        self.flush(lane);
    }

    /// Writes what the socket takes.
    fn flush(&self, lane: &Lane) {
        match self.write() {
            Written::Waiting => {}
            Written::Broken => self.end(lane, true),
            Written::All if lock(&self.buffers).is_closing => self.end(lane, true),
            Written::All => {
                let was_slow = std::mem::replace(&mut lock(&self.buffers).is_slow, false);
                if was_slow {
                    let _ = lane.client_writable(self.id, None);
                }
            }
        }
    }

    fn write(&self) -> Written {
        let (watch, mut buffers) = (lock(&self.watch), lock(&self.buffers));
        let mut stream = match watch.as_ref() {
            Some(watch) => watch.source(),
            None => return Written::Waiting,
        };
        while !buffers.output.is_empty() {
            match stream.write(&buffers.output) {
                Ok(count) => drop(buffers.output.drain(..count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Written::Waiting,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Written::Broken,
            }
        }
        Written::All
    }

    /// Closes the connection at once; `tells`: the gateway does not know yet.
    fn end(&self, lane: &Lane, tells: bool) {
        let watch = lock(&self.watch).take();
        if watch.is_none() {
            return;
        }
        drop(watch);
        if let Some(clients) = self.clients.upgrade() {
            let itself = lock(&clients.0).remove(&self.id);
            drop(itself);
        }
        if tells {
            let _ = lane.client_closed(self.id);
        }
    }
}
