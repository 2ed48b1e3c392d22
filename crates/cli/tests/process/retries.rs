use std::fs;
use std::io::{BufRead as _, BufReader};

use lastword_netlab::Host;

use crate::command::lastword;

#[test]
fn a_host_whose_kernel_gives_up_too_soon_is_reported_and_serve_warns_of_it() {
    const WORDS: &str = "`net.ipv4.tcp_retries2` is 8: the kernel may give a connection up before the dead limit of \
                         standard, competitive, mobile, background; set it to 15 or more in the network namespace of \
                         this server";
    lastword_netlab::run(|lab| {
        lab.on(Host::Server, || {
            fs::write("/proc/sys/net/ipv4/tcp_retries2", "8")
        })?;
        let mut check = lastword(&["check-config", "/dev/null"]);
        let checked = lab.spawn(Host::Server, &mut check)?.wait_with_output()?;
        assert!(checked.status.success());
        let told = String::from_utf8(checked.stderr)?;
        assert_eq!(told, format!("lastword: warning: {WORDS}\n"));

        let mut serve = lastword(&["serve", "--listen", "127.0.0.1:0", "--admin", "off"]);
        let mut serving = lab.spawn(Host::Server, &mut serve)?;
        let mut line = String::new();
        BufReader::new(serving.stderr.take().unwrap()).read_line(&mut line)?;
        serving.kill()?;
        serving.wait()?;
        assert!(line.contains("WARN") && line.contains(WORDS), "{line}");
        Ok(())
    });
}
