//! What the DNS says of a client.

use std::net::Ipv4Addr;

use mailwright_tests::error::Result;
use mailwright_tests::name_server::NameServer;
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::smtp::SmtpClient;
use mailwright_tests::zone::Zone;

use crate::world::World;

/// 127.0.0.2 is listed, 127.0.0.3 gets an error of the list. Names of loopback addresses resolvers know by themselves (RFC
/// 6761 section 6.3): each is called localhost, which is 127.0.0.1 alone.
const LIST: &str = "2.0.0.127 A 127.0.0.4\n2.0.0.127 TXT \"listed; see https://bl.example/?127.0.0.2\"\n\
                    3.0.0.127 A 127.255.255.254";

/// What a client from 127.0.0.`last` is told when it names a recipient.
fn told(world: &World, last: u8, recipient: &str) -> Result<String> {
    let mut client = SmtpClient::connect_from(Ipv4Addr::new(127, 0, 0, last), world.mx)?;
    client.command("EHLO client.example.org")?;
    client.command("MAIL FROM:<>")?;
    let reply = client.command(&format!("RCPT TO:<{recipient}>"))?;
    Ok(format!("{} {}", reply.code, reply.lines[0]))
}

#[test]
fn block_lists_and_names_of_addresses_decide_and_say_why() -> Result<()> {
    if skip_without(&[Need::Nsd]) {
        return Ok(());
    }
    // It has a zone as well that it cannot serve, in which the second list is.
    let name_server = NameServer::serving(&[Zone::new("bl.test", LIST)])?;
    let lists = ["bl.test", "list.broken.example"]
        .map(|zone| format!("[[inbound.block_lists]]\nzone = \"{zone}\"\naction = \"reject\"\n"))
        .concat();
    let server = name_server.address;
    let world = World::start(&format!(
        "reverse_dns = \"confirmed\"\nexempt = [\"127.0.0.7\"]\n{lists}\n[dns]\nservers = [\"{server}\"]\n"
    ))?;
    let cases = [
        (1, "250 2.1.5 Ok"),
        (
            2,
            "550 5.7.1 your address 127.0.0.2 is on the block list bl.test: listed; see https://bl.example/?127.0.0.2 ",
        ),
        (3, "550 5.7.25 the name localhost of your address 127.0.0.3 does not lead back to it in the DNS "),
        (7, "250 2.1.5 Ok"),
    ];
    for (last, expected) in cases {
        let told = told(&world, last, &world.ours)?;
        assert!(told.starts_with(expected), "127.0.0.{last}: {told}");
    }
    // Refused for what the address is, not for who is listed.
    let postmaster = format!("postmaster@{}", world.ours.rsplit('@').next().unwrap_or_default());
    assert!(told(&world, 2, &postmaster)?.starts_with("550 5.1.1 "));
    for (result, count) in [("clear", 1), ("listed", 2), ("refused", 1), ("failed", 4)] {
        let series = format!("mailwright_gate_block_list_answers_total{{result=\"{result}\"}}");
        assert_eq!(world.series(&series)?, count, "{series}");
    }
    Ok(())
}
