//! Where a list's octets come from: a file read ahead through io_uring on a thread of its own, or the standard input;
//! then, if it is compressed, the decoder.
//!
//! Guarantees: at most a few blocks of 1 MiB are read ahead; the thread ends when the input is dropped. What the list
//! is compressed with is told by its first octets, not by its name. Leaves to others: what the octets mean.

use super::error::LoadError;
use crossbeam_channel::{Receiver, Sender, bounded};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

const BLOCK_OCTETS: usize = 1 << 20;
/// Blocks read and not yet asked for. With the one being read and the one in use: four in all.
const BLOCKS_AHEAD: usize = 2;

/// A list's decoded octets.
pub struct Input {
    reader: Box<dyn Read>,
    path: PathBuf,
    /// The size of the file as it lies on the disk; `None` for what is no regular file.
    pub octets: Option<u64>,
    plain: bool,
}

impl Input {
    /// Opens a list; `-` is the standard input.
    pub fn open(path: &Path) -> Result<Self, LoadError> {
        if path.as_os_str() == "-" {
            return Self::decode(path, Box::new(BufReader::with_capacity(BLOCK_OCTETS, io::stdin())), None);
        }
        let unreadable = |error| LoadError::Open { path: path.to_owned(), error };
        let file = File::open(path).map_err(unreadable)?;
        let kind = file.metadata().map_err(unreadable)?;
        if kind.is_dir() {
            return Err(LoadError::Directory { path: path.to_owned() });
        }
        if !kind.is_file() {
            return Self::decode(path, Box::new(BufReader::with_capacity(BLOCK_OCTETS, file)), None);
        }
        Self::decode(path, Box::new(Ahead::start(file, 0).map_err(unreadable)?), Some(kind.len()))
    }

    /// Moves to decoded octet `to`, when that takes no reading: only a plain file can.
    pub fn seek(&mut self, to: u64) -> Result<bool, LoadError> {
        if self.plain && self.octets.is_some() {
            let unreadable = |error| LoadError::Open { path: self.path.clone(), error };
            let file = File::open(&self.path).map_err(unreadable)?;
            self.reader = Box::new(Ahead::start(file, to).map_err(unreadable)?);
            return Ok(true);
        }
        Ok(false)
    }

    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.reader.read(buffer) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    fn decode(path: &Path, mut source: Box<dyn BufRead>, octets: Option<u64>) -> Result<Self, LoadError> {
        let unreadable = |error| LoadError::Open { path: path.to_owned(), error };
        let unknown = |what| LoadError::Unknown { path: path.to_owned(), what };
        let mut magic = Vec::with_capacity(6);
        (&mut source).take(6).read_to_end(&mut magic).map_err(unreadable)?;
        let first = magic.clone();
        let whole = Cursor::new(magic).chain(source);
        let mut plain = false;
        let reader: Box<dyn Read> = match first.as_slice() {
            [0x1f, 0x8b, ..] => Box::new(flate2::bufread::MultiGzDecoder::new(whole)),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => {
                Box::new(zstd::stream::read::Decoder::with_buffer(whole).map_err(unreadable)?)
            }
            [0xfd, b'7', b'z', b'X', b'Z', 0] => return Err(unknown("compressed with xz")),
            [b'B', b'Z', b'h', ..] => return Err(unknown("compressed with bzip2")),
            [b'P', b'K', 3, 4, ..] => return Err(unknown("a zip archive or a spreadsheet")),
            [0x04, 0x22, 0x4d, 0x18, ..] => return Err(unknown("compressed with lz4")),
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => return Err(unknown("UTF-16 text")),
            _ => {
                plain = true;
                Box::new(whole)
            }
        };
        Ok(Self { reader, path: path.to_owned(), octets, plain })
    }
}

/// A file that a thread reads ahead of us.
struct Ahead {
    blocks: Option<Receiver<io::Result<Vec<u8>>>>,
    spent: Sender<Vec<u8>>,
    block: Vec<u8>,
    taken: usize,
    thread: Option<JoinHandle<()>>,
}

impl Ahead {
    fn start(file: File, from: u64) -> io::Result<Self> {
        let (give, blocks) = bounded(BLOCKS_AHEAD);
        let (spent, take) = bounded(BLOCKS_AHEAD + 2);
        let thread = std::thread::Builder::new().name("list".to_owned()).spawn(move || {
            if let Err(e) = read_ahead(file, from, &give, &take) {
                // Nobody listens when the input was dropped: then the error is of no interest either.
                let _ = give.send(Err(e));
            }
        })?;
        Ok(Self { blocks: Some(blocks), spent, block: Vec::new(), taken: 0, thread: Some(thread) })
    }
}

/// Reads blocks until the end of the file, an error, or until nobody wants them. An empty block ends the file.
fn read_ahead(file: File, from: u64, give: &Sender<io::Result<Vec<u8>>>, take: &Receiver<Vec<u8>>) -> io::Result<()> {
    let refused = |e: io::Error| {
        let hint = "hint: io_uring may be forbidden here (sysctl kernel.io_uring_disabled, a seccomp profile)";
        io::Error::new(e.kind(), format!("cannot start io_uring to read the list: {e}\n{hint}"))
    };
    let mut builder = tokio_uring::builder();
    builder.entries(8);
    let runtime = tokio_uring::Runtime::new(&builder).map_err(refused)?;
    runtime.block_on(async {
        let file = tokio_uring::fs::File::from_std(file);
        let mut offset = from;
        loop {
            let block = take.try_recv().unwrap_or_else(|_| vec![0; BLOCK_OCTETS]);
            let (read, mut block) = file.read_at(block, offset).await;
            let octets = match read {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                read => read?,
            };
            block.truncate(octets);
            offset += octets as u64;
            if give.send(Ok(block)).is_err() || octets == 0 {
                return Ok(());
            }
        }
    })
}

impl BufRead for Ahead {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.taken >= self.block.len()
            && let Some(blocks) = &self.blocks
        {
            let died = || io::Error::other("the thread that reads the list is gone");
            let next = blocks.recv().map_err(|_| died())??;
            let mut spent = std::mem::replace(&mut self.block, next);
            self.taken = 0;
            if spent.capacity() >= BLOCK_OCTETS {
                spent.resize(BLOCK_OCTETS, 0);
                // When the way back is full, the block is simply freed.
                let _ = self.spent.try_send(spent);
            }
            if self.block.is_empty() {
                self.blocks = None;
            }
        }
        Ok(self.block.get(self.taken..).unwrap_or_default())
    }

    fn consume(&mut self, octets: usize) {
        self.taken = self.block.len().min(self.taken + octets);
    }
}

impl Read for Ahead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let from = self.fill_buf()?;
        let octets = from.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..octets), from.get(..octets)) {
            to.copy_from_slice(from);
        }
        self.consume(octets);
        Ok(octets)
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        // The thread may wait for room: without a receiver it ends.
        self.blocks = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
