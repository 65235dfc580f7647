//! Questions, updates and answers as DNS messages (RFC 1035 section 4, RFC 2136 section 2).

use super::UpdateError;
use hickory_resolver::proto::{
    op::{Message, OpCode, Query},
    rr::{
        DNSClass, Name, RData, Record, RecordType,
        rdata::{CNAME, MX, TXT},
    },
};
use mailwright_engine::domain_dns::{
    self, Change, Current, DnsRecord, FoundRecord, Prerequisite, Purpose, RecordSet, Update,
    character_strings,
};

/// A question that the server is to answer from its own zones.
pub(super) fn question(name: &str, kind: RecordType) -> Result<Message, UpdateError> {
    let mut message = Message::query();
    message.metadata.recursion_desired = false;
    message.add_query(Query::query(whole(name)?, kind));
    Ok(message)
}

/// An update: the zone stands where questions do, prerequisites where answers do, changes where authorities do.
pub(super) fn update(zone: &str, update: &Update) -> Result<Message, UpdateError> {
    let mut message = Message::query();
    message.metadata.op_code = OpCode::Update;
    message.metadata.recursion_desired = false;
    message.add_query(Query::query(whole(zone)?, RecordType::SOA));
    for prerequisite in &update.prerequisites {
        match prerequisite {
            Prerequisite::Absent(set) => {
                message.add_answer(without_data(&set.name, kind(set.kind))?);
            }
            Prerequisite::NoAlias(name) => {
                message.add_answer(without_data(name, RecordType::CNAME)?);
            }
            Prerequisite::Unused(name) => {
                message.add_answer(without_data(name, RecordType::ANY)?);
            }
            Prerequisite::Exactly(found) => {
                for record in found {
                    message.add_answer(Record::from_rdata(
                        whole(&record.record.name)?,
                        0,
                        found_data(record)?,
                    ));
                }
            }
        }
    }
    for change in &update.changes {
        let record = match change {
            Change::Add(record) => Record::from_rdata(whole(&record.name)?, record.ttl, data(record)?),
            Change::Remove(found) => {
                let mut gone = Record::from_rdata(whole(&found.record.name)?, 0, found_data(found)?);
                gone.dns_class = DNSClass::NONE;
                gone
            }
        };
        message.add_authority(record);
    }
    Ok(message)
}

/// "RRset does not exist" (RFC 2136 section 2.4.3), of any type "Name is not in use" (section 2.4.5).
fn without_data(name: &str, kind: RecordType) -> Result<Record, UpdateError> {
    let mut record = Record::update0(whole(name)?, 0, kind);
    record.dns_class = DNSClass::NONE;
    Ok(record)
}

fn data(record: &DnsRecord) -> Result<RData, UpdateError> {
    match record.kind {
        domain_dns::RecordType::Mx => mx(record),
        domain_dns::RecordType::Cname => alias(record),
        domain_dns::RecordType::Txt => Ok(RData::TXT(TXT::from_bytes(character_strings(&record.content)))),
    }
}

/// The data of a record just as the server has it.
fn found_data(found: &FoundRecord) -> Result<RData, UpdateError> {
    match found.record.kind {
        domain_dns::RecordType::Mx => mx(&found.record),
        domain_dns::RecordType::Cname => alias(&found.record),
        domain_dns::RecordType::Txt => {
            Ok(RData::TXT(TXT::from_bytes(found.strings.iter().map(Vec::as_slice).collect())))
        }
    }
}

fn mx(record: &DnsRecord) -> Result<RData, UpdateError> {
    Ok(RData::MX(MX::new(record.priority.unwrap_or_default(), whole(&record.content)?)))
}

fn alias(record: &DnsRecord) -> Result<RData, UpdateError> {
    Ok(RData::CNAME(CNAME(whole(&record.content)?)))
}

pub(super) const fn kind(kind: domain_dns::RecordType) -> RecordType {
    match kind {
        domain_dns::RecordType::Mx => RecordType::MX,
        domain_dns::RecordType::Txt => RecordType::TXT,
        domain_dns::RecordType::Cname => RecordType::CNAME,
    }
}

/// What to ask a server for to learn what it has of a set. Whoever asks for addresses is told of an alias too, and it
/// is addresses that an alias cannot stand beside.
pub(super) const fn asked(kind: domain_dns::RecordType) -> RecordType {
    match kind {
        domain_dns::RecordType::Cname => RecordType::A,
        kind => self::kind(kind),
    }
}

/// A name from the root.
fn whole(name: &str) -> Result<Name, UpdateError> {
    Name::from_ascii(format!("{}.", name.trim_end_matches('.')))
        .map_err(|_| UpdateError::Name(name.to_owned()))
}

/// Whether a server answers of `name`, from its own zones, that a zone begins there.
pub(super) fn is_apex(answer: &Message, name: &str) -> bool {
    let is_soa = |record: &Record| record.record_type() == RecordType::SOA && is_name(&record.name, name);
    answer.authoritative && answer.answers.iter().any(is_soa)
}

/// Whether `name` is written `text`, whatever the case.
fn is_name(name: &Name, text: &str) -> bool {
    plain(name).eq_ignore_ascii_case(text)
}

fn plain(name: &Name) -> String {
    name.to_ascii().trim_end_matches('.').to_ascii_lowercase()
}

/// Puts what `answer` says of `set` into `current`.
pub(super) fn read(set: &RecordSet, answer: &Message, current: &mut Current) {
    let here = || answer.answers.iter().filter(|record| is_name(&record.name, &set.name));
    if here().any(|record| record.record_type() == RecordType::CNAME) {
        current.insert_alias(set.name.clone());
    }
    if here().any(|record| record.record_type() == RecordType::A) {
        current.insert_addressed(set.name.clone());
    }
    let found = here().filter_map(|record| {
        let (content, priority, strings) = match (&record.data, set.kind) {
            (RData::TXT(txt), domain_dns::RecordType::Txt) => {
                let strings: Vec<_> = txt.txt_data.iter().map(|string| string.to_vec()).collect();
                (String::from_utf8_lossy(&strings.concat()).into_owned(), None, strings)
            }
            (RData::MX(mx), domain_dns::RecordType::Mx) => {
                (plain(&mx.exchange), Some(mx.preference), Vec::new())
            }
            (RData::CNAME(alias), domain_dns::RecordType::Cname) => (plain(&alias.0), None, Vec::new()),
            _ => return None,
        };
        let (name, ttl, kind) = (set.name.clone(), record.ttl, set.kind);
        // Whose it is and what for is told by what it says; the purpose is that of whoever asks.
        let record = DnsRecord { kind, name, content, priority, ttl, purpose: Purpose::ReturnPath };
        Some(FoundRecord { record, strings })
    });
    current.insert(set.clone(), found.collect());
}
