//! Floor 4: where the program touches the world: the ring and its sockets, DNS, disks. The only room with `unsafe`.

pub mod clock;
pub mod disk;
pub mod dns;
pub mod https;
pub mod interfaces;
pub mod io;
pub mod process;
pub mod proxy;
pub mod ring;
pub mod sim;
pub mod visit;
