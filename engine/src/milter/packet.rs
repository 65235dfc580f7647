//! Packets: four octets of length, one of kind, the rest.

/// Largest packet that is taken from a filter, in octets. Replies are lines and header fields; the largest a filter's own
/// library writes is 64 KiB of a new body.
pub const MAX_PACKET: usize = 256 * 1024;

/// What one side said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// The command or the reply, a letter.
    pub kind: u8,
    /// What belongs to it.
    pub data: Vec<u8>,
}

/// Why octets are no packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// Without even a kind.
    #[error("it sent an empty packet")]
    Empty,
    /// Larger than 256 KiB; it may be no filter at all.
    #[error("it sent a packet of {0} octets; at most {MAX_PACKET} are taken")]
    TooLarge(u32),
}

/// Turns octets into packets. Keeps at most one packet and what the last read brought beyond it.
#[derive(Debug, Default)]
pub struct PacketReader {
    buffer: Vec<u8>,
}

impl PacketReader {
    /// Takes what was read.
    pub fn push(&mut self, octets: &[u8]) {
        self.buffer.extend_from_slice(octets);
    }

    /// The next packet, if it is whole.
    ///
    /// # Errors
    /// [`PacketError`]; nothing more can be read from that filter then.
    pub fn next_packet(&mut self) -> Result<Option<Packet>, PacketError> {
        let Some((length, rest)) = self.buffer.split_first_chunk() else { return Ok(None) };
        let announced = u32::from_be_bytes(*length);
        let length = usize::try_from(announced).ok().filter(|length| *length <= MAX_PACKET);
        let length = length.ok_or(PacketError::TooLarge(announced))?;
        if length == 0 {
            return Err(PacketError::Empty);
        }
        let Some((&kind, data)) = rest.get(..length).and_then(<[u8]>::split_first) else { return Ok(None) };
        let packet = Packet { kind, data: data.to_vec() };
        self.buffer.drain(..4 + length);
        Ok(Some(packet))
    }

    /// Whether nothing waits to be read: what a filter says unasked belongs to no message.
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }
}

/// Appends a packet; `parts` are its data, laid end to end.
pub(super) fn write(kind: u8, parts: &[&[u8]], out: &mut Vec<u8>) {
    let length = 1 + parts.iter().map(|part| part.len()).sum::<usize>();
    // No command comes near 4 GiB: fields are cut, bodies are in chunks.
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.push(kind);
    parts.iter().for_each(|part| out.extend_from_slice(part));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn packets_are_the_same_however_they_are_cut(
            packets in prop::collection::vec((any::<u8>(), prop::collection::vec(any::<u8>(), 0..40)), 0..6),
            cut in 1_usize..20,
        ) {
            let mut wire = Vec::new();
            packets.iter().for_each(|(kind, data)| write(*kind, &[data], &mut wire));
            let mut reader = PacketReader::default();
            let mut found = Vec::new();
            for piece in wire.chunks(cut) {
                reader.push(piece);
                while let Some(Packet { kind, data }) = reader.next_packet().unwrap() {
                    found.push((kind, data));
                }
            }
            prop_assert_eq!(found, packets);
            prop_assert!(reader.is_empty());
        }
    }

    #[test]
    fn what_is_no_packet_is_refused_before_it_is_awaited() {
        let read = |octets: &[u8]| {
            let mut reader = PacketReader::default();
            reader.push(octets);
            reader.next_packet()
        };
        assert_eq!(read(b"\0\0\0"), Ok(None));
        assert_eq!(read(b"\0\0\0\0"), Err(PacketError::Empty));
        assert_eq!(read(b"HTTP/1.1 400"), Err(PacketError::TooLarge(0x4854_5450)));
        assert_eq!(read(b"\0\x04\0\0"), Ok(None));
        assert_eq!(read(b"\0\x04\0\x01"), Err(PacketError::TooLarge(0x4_0001)));
    }
}
