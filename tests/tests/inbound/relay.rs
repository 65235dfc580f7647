//! It is no relay, whatever the form of the address; and it does not take a message that could be two elsewhere.

use mailwright_tests::error::Result;
use mailwright_tests::metrics::ACCEPTED;
use mailwright_tests::smtp::SmtpClient;

use crate::world::World;

/// Recipients by which relays were opened, and what each is told. `{ours}` is a domain of ours, `{mx}` the server's name.
const FOREIGN: [(&str, &str); 22] = [
    ("victim@example.net", "550 5.7.1"),
    ("victim%example.net@{ours}", "550 5.1.1"),
    ("victim%example.net@{mx}", "550 5.7.1"),
    ("victim%example.net@[127.0.0.1]", "550 5.7.1"),
    ("example.net!victim@{ours}", "550 5.1.1"),
    ("example.net!victim", "501 5.1.3"),
    ("\"victim@example.net\"", "501 5.1.3"),
    ("\"victim@example.net\"@{ours}", "550 5.1.1"),
    ("\"victim%example.net\"@{ours}", "550 5.1.1"),
    ("victim@example.net@{ours}", "501 5.1.3"),
    ("@{ours}:victim@example.net", "550 5.7.1"),
    ("@{mx},@{ours}:victim@example.net", "550 5.7.1"),
    ("@{ours}:\"victim@example.net\"@{ours}", "550 5.1.1"),
    ("victim@[127.0.0.1]", "550 5.7.1"),
    ("victim@[IPv6:::1]", "550 5.7.1"),
    ("victim@127.0.0.1", "501 5.1.3"),
    ("victim@localhost", "550 5.7.1"),
    ("victim@{mx}", "550 5.7.1"),
    ("victim", "501 5.1.3"),
    ("", "501 5.1.3"),
    ("victim@example.net>,<victim@example.org", "501 5.5.4"),
    ("victim@sub.{ours}", "550 5.7.1"),
];

/// Ends that servers somewhere take for the end of a message.
const FALSE_ENDS: [&str; 12] = [
    "\n.\n",
    "\n.\r\n",
    "\r.\r\n",
    "\r\n.\r",
    "\r\n.\n",
    "\r.\r",
    "\r\n\0.\r\n",
    "\r\n.\0\r\n",
    "\r\r\n.\r\r\n",
    "\n\n.\r\n",
    "\r\n\r.\r\n",
    "\r\n.\r\r\n",
];

#[test]
fn nothing_is_relayed_in_any_form_of_address_for_any_sender() -> Result<()> {
    let world = World::start("max_unknown_recipients = 1000000\nexempt = [\"127.0.0.1\"]")?;
    let domain = world.ours.rsplit('@').next().unwrap_or_default();
    for sender in ["stranger@example.org", "", "sender@example.com", "postmaster@mx.example.com"] {
        let mut client = SmtpClient::connect_and_greet(world.mx)?;
        assert_eq!(client.command(&format!("MAIL FROM:<{sender}>"))?.code, 250);
        for (recipient, expected) in FOREIGN {
            let recipient = recipient.replace("{ours}", domain).replace("{mx}", "mx.example.com");
            let reply = client.command(&format!("RCPT TO:<{recipient}>"))?;
            let told = format!("{} {}", reply.code, reply.lines[0]);
            assert!(told.starts_with(expected), "{recipient}: {told}");
            if told.starts_with("501") {
                // So many mistakes would end the session.
                client = SmtpClient::connect_and_greet(world.mx)?;
                client.command(&format!("MAIL FROM:<{sender}>"))?;
            }
        }
        assert_eq!(client.command("DATA")?.code, 554);
    }
    assert_eq!((world.left()?, world.server.metrics()?.get(ACCEPTED)), (1, 1));
    Ok(())
}

#[test]
fn no_published_form_of_smuggling_gets_a_message_in_or_out() -> Result<()> {
    let world = World::start("greeting_delay = \"0s\"\nmax_unknown_recipients = 1000000")?;
    let envelope = format!("MAIL FROM:<>\r\nRCPT TO:<{}>\r\n", world.ours);
    let smuggled = format!("{envelope}DATA\r\nSubject: evil\r\n\r\nevil\r\n.\r\n");
    for end in FALSE_ENDS {
        let content = format!("Subject: s\r\n\r\nbody{end}{smuggled}");
        let mut client = SmtpClient::connect_and_greet(world.mx)?;
        client.write(format!("{envelope}DATA\r\n").as_bytes())?;
        assert_eq!(
            [client.read_reply()?.code, client.read_reply()?.code, client.read_reply()?.code],
            [250, 250, 354]
        );
        // Two packets, the cut within the false end.
        let cut = content.find(end).unwrap_or_default() + 1;
        client.write(&content.as_bytes()[..cut])?;
        client.write(&content.as_bytes()[cut..])?;
        let reply = client.read_reply()?;
        assert!(reply.code == 554 && reply.lines[0].starts_with("5.6.0"), "{end:?}: {reply:?}");
        client.write(format!("{envelope}BDAT {} LAST\r\n{content}QUIT\r\n", content.len()).as_bytes())?;
        let codes = [(); 4].map(|()| client.read_reply().map(|reply| reply.code).unwrap_or_default());
        assert_eq!(codes, [250, 250, 554, 221], "{end:?}");
    }
    assert_eq!(
        (world.left()?, world.series("mailwright_return_path_total{kind=\"other\",result=\"ignored\"}")?),
        (1, 0)
    );
    Ok(())
}
