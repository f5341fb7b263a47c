//! A replica without room on its disk stops following and says why; reads go on.

use std::fs;

use tempfile::TempDir;

use crate::support::history::resyncs;
use crate::support::member::{await_down, await_link, await_same, follow};
use crate::support::mount::Mount;
use crate::support::{Endpoint, Kind, Server};

#[test]
fn a_full_disk_stops_the_link_until_there_is_room() {
    let place = TempDir::new().expect("a temporary directory can be made");
    let Some(_mount) = Mount::tmpfs(place.path(), 24) else { return };
    let (data, ballast) = (place.path().join("data"), place.path().join("ballast"));
    fs::create_dir(&data).expect("it can be made");
    fs::write(&ballast, vec![1; 12 << 20]).expect("there is room for it");
    for kind in Kind::all().into_iter().take(2) {
        let primary = kind.start(&["--repl-backlog-size", "64mb"]);
        let mut client = primary.connect();
        client.run("SET key 0");
        let replica = Server::start_in(
            &data,
            &[
                "--backlog-segment-size",
                "1mb",
                "--backlog-min-free-disk",
                "0",
                "--save",
                "",
                "--enable-debug-command",
                "yes",
            ],
        );
        follow(&replica, primary.address());
        await_link(&replica);
        let full = resyncs(&primary).0;
        let value = "v".repeat(8 * 1024);
        for index in 0..1600 {
            client.call(&["SET", &format!("key:{}", index % 50), &format!("{index}:{value}")]);
        }
        let reason = await_down(&replica, "no room for the primary's stream");
        assert!(reason.contains("reads go on"), "{reason}");
        let mut reader = replica.connect();
        assert_eq!(reader.run("GET key").text(), "0");
        assert!(reader.run("DBSIZE").integer() > 10);

        fs::remove_file(&ballast).expect("it is there");
        await_link(&replica);
        await_same(&[&primary, &replica]);
        assert_eq!(resyncs(&primary).0, full, "it continues");
        drop(replica);
        fs::remove_dir_all(&data).expect("it can be removed");
        fs::create_dir(&data).expect("it can be made");
        fs::write(&ballast, vec![1; 12 << 20]).expect("there is room for it");
    }
}
