//! The list as a CSV file: as filtered and sorted, whole, harmless, and never in memory at once.

use crate::on_both;
use crate::support::TestApp;
use crate::tags::{member, seed};
use posthouse::team::Role;

on_both! {
    async fn the_file_has_what_the_list_has(engine) {
        let t = TestApp::start(engine).await;
        let mut api = t.owner().await;
        let (scope, _) = seed(&t, &mut api, 1_234).await;
        t.run_sql("UPDATE account SET display_name = '=HYPERLINK(\"http://x\")' WHERE address LIKE 'box00003%'").await;
        t.run_sql("UPDATE account SET display_name = 'Say \"hi\", Ana' WHERE address LIKE 'box00004%'").await;
        let answer = api.get("/accounts/export?sort=address&dir=desc").await;
        assert_eq!(answer.headers["content-type"], "text/csv; charset=utf-8");
        let named = answer.headers["content-disposition"].to_str().unwrap();
        assert!(named.starts_with("attachment; filename=\"accounts-20") && named.ends_with(".csv\""), "{named}");
        let text = answer.text.strip_prefix('\u{feff}').expect("a byte order mark");
        let lines: Vec<&str> = text.split_terminator("\r\n").collect();
        assert_eq!(lines.len(), 1_235);
        assert!(lines[0].starts_with("Address,Display name,Provider,User,Health,Emails sent,"), "{}", lines[0]);
        assert!(lines[1].starts_with("box01233@acme.test,Box 1233,Custom SMTP,Team,,0,0,Connecting,Not set up,,Not set up,,Waiting,,20"), "{}", lines[1]);
        assert!(text.contains("\r\nbox00003@acme.test,\"'=HYPERLINK(\"\"http://x\"\")\",Custom SMTP,Team,"));
        assert!(text.contains("\r\nbox00004@acme.test,\"Say \"\"hi\"\", Ana\",Custom SMTP,Ana Diaz,"));
        let addresses: Vec<&str> = lines[1..].iter().map(|l| l.split(',').next().unwrap()).collect();
        assert!(addresses.windows(2).all(|pair| pair[0] > pair[1]), "as sorted, each once");

        let lines = |text: &str| text.matches("\r\n").count() - 1;
        assert_eq!(lines(&api.get("/accounts/export?user=team").await.text), 412);
        assert_eq!(lines(&api.get("/accounts/export?search=box0000").await.text), 10);
        assert_eq!(lines(&api.get("/accounts/export?tag=none").await.text), 0, "its head alone");
        api.get("/accounts/export?sort=nonsense").await.problem(400, "invalid_request");
        api.get("/accounts/export?limit=3").await.problem(400, "invalid_request");
        let (mut ben, _) = member(&t, scope, Role::Member).await;
        assert_eq!(lines(&ben.get("/accounts/export").await.text), 412, "a member's file has what they see");
        t.stop().await;
    }
}
