//! A network of two hosts, of which this machine is one: a network namespace (ip-netns(8)) at the other end of a virtual
//! cable that the test can pull out.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::process::Command;
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::error::{Context, Error, Result};
use crate::fetched::output_of;

/// The program that makes it.
pub(crate) const IP: &str = "/usr/sbin/ip";

/// Where the cable is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// At this machine, whose system knows at once that there is no way.
    Here,
    /// At the other end: what is sent is never heard of again.
    There,
}

/// A network. Dropping it removes it, whatever has happened. Needs root.
#[derive(Debug)]
pub struct Network {
    name: String,
    here: String,
    there: String,
    addresses: [Ipv4Addr; 2],
}

impl Network {
    /// Makes one, with addresses from 198.18.0.0/15, which are nobody's (RFC 2544).
    ///
    /// # Errors
    /// [`Error::Unexpected`] with the complaint of ip(8).
    pub fn new() -> Result<Self> {
        let number = fastrand::u16(..);
        let [high, low] = number.to_be_bytes();
        let address = |host: u8| Ipv4Addr::new(198, 18 | (low & 1), high, (low & 0xfc) | host);
        let network = Self {
            name: format!("mw-test-{number}"),
            here: format!("mw-h-{number}"),
            there: format!("mw-t-{number}"),
            addresses: [address(1), address(2)],
        };
        network.build()?;
        Ok(network)
    }

    fn build(&self) -> Result<()> {
        let Self { name, here, there, addresses: [near, far] } = self;
        ip(&format!("netns add {name}"))?;
        ip(&format!("link add {here} type veth peer name {there} netns {name}"))?;
        ip(&format!("address add {near}/30 dev {here}"))?;
        ip(&format!("-n {name} address add {far}/30 dev {there}"))?;
        self.mend()
    }

    /// Listens at the other end, on a port that its system chooses.
    ///
    /// # Errors
    /// [`Error::Io`] if the system refuses.
    pub fn listen(&self) -> Result<TcpListener> {
        let there = File::open(format!("/run/netns/{}", self.name)).context("open the namespace")?;
        let address = SocketAddr::from((self.addresses[1], 0));
        // A socket stays where it was made; the thread that goes there ends there.
        let made = thread::spawn(move || {
            let network = Some(LinkNameSpaceType::Network);
            move_into_link_name_space(there.as_fd(), network).context("enter the namespace")?;
            TcpListener::bind(address).context("listen at the other end")
        });
        made.join().map_err(|_| Error::unexpected("listen at the other end", "panicked"))?
    }

    /// Breaks the cable.
    ///
    /// # Errors
    /// [`Error::Unexpected`] with the complaint of ip(8).
    pub fn cut(&self, place: Break) -> Result<()> {
        match place {
            Break::Here => ip(&format!("link set {} down", self.here)),
            Break::There => ip(&format!("-n {} link set {} down", self.name, self.there)),
        }
    }

    /// Mends the cable, wherever it is broken.
    ///
    /// # Errors
    /// [`Error::Unexpected`] with the complaint of ip(8).
    pub fn mend(&self) -> Result<()> {
        ip(&format!("link set {} up", self.here))?;
        ip(&format!("-n {} link set {} up", self.name, self.there))
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // The cable goes with either end, the namespace with its last socket; neither may be there at all.
        let _ = ip(&format!("link delete {}", self.here));
        let _ = ip(&format!("netns delete {}", self.name));
    }
}

fn ip(arguments: &str) -> Result<()> {
    output_of(Command::new(IP).args(arguments.split(' '))).map(drop)
}
