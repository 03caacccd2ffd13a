//! The people, companies and texts that seeded mail is made of. All are made up.

use super::compose::Party;

pub(super) struct Person {
    pub name: &'static str,
    pub address: &'static str,
    pub company: &'static str,
    /// Subject and text of a mail that this person writes unasked.
    pub greeting: (&'static str, &'static str),
}

impl Person {
    const fn new(name: &'static str, address: &'static str, company: &'static str) -> Self {
        Self { name, address, company, greeting: ("Hello", "Hello.") }
    }

    pub fn party(&self) -> Party {
        Party::new(self.name, self.address)
    }

    pub fn first(&self) -> &'static str {
        self.name.split(' ').next().unwrap_or(self.name)
    }

    pub fn domain(&self) -> &'static str {
        self.address.rsplit_once('@').map_or("sandbox.test", |(_, domain)| domain)
    }
}

/// A conversation: we write first, then the texts take turns.
pub(super) struct Topic {
    pub subject: &'static str,
    pub texts: [&'static str; 4],
}

pub(super) static PEOPLE: &[Person] = &[
    Person::new("Marta Lindqvist", "marta@fjord-logistics.test", "Fjord Logistics"),
    Person::new("Tom Okafor", "tom.okafor@brightpath-learning.test", "Brightpath Learning"),
    Person::new("Émilie Durand", "emilie.durand@atelier-nord.test", "Atelier Nord"),
    Person::new("Priya Raman", "priya@cloudberry-health.test", "Cloudberry Health"),
    Person::new("Jonas Weiß", "j.weiss@stahlwerk-sued.test", "Stahlwerk Süd"),
    Person::new("Carla Mendes", "carla@verde-foods.test", "Verde Foods"),
    Person::new("Ben Hartley", "ben@hartley-and-sons.test", "Hartley & Sons"),
    Person::new("Zuzana Nováková", "zuzana@lipa-design.test", "Lípa Design"),
    Person::new("Daniel Kim", "daniel.kim@harborlight.test", "Harborlight"),
    Person::new("Aisha Bello", "aisha@savanna-pay.test", "Savanna Pay"),
    Person::new("Liam O'Connor", "liam@greenfield-homes.test", "Greenfield Homes"),
    Person::new("Sofia Rossi", "sofia.rossi@bottega-digitale.test", "Bottega Digitale"),
];

pub(super) static RIGHT_TO_LEFT: Person = Person {
    name: "נועה כהן",
    address: "noa@galil-robotics.test",
    company: "Galil Robotics",
    greeting: ("הצעת מחיר", "שלום,\r\n\r\nתוכלו לשלוח לנו הצעת מחיר לעשרים משתמשים?\r\n\r\nתודה,"),
};

pub(super) static JAPANESE: Person = Person {
    name: "佐藤 健",
    address: "sato@minato-shoji.test",
    company: "Minato Shoji",
    greeting: (
        "お見積りのお願い(来月からの導入について)",
        "お世話になっております。港商事の佐藤です。\r\n\r\n来月から十名で使い始めたいと考えております。お見積りをお願いできますでしょうか。\r\n\r\nよろしくお願いいたします。",
    ),
};

pub(super) static TOPICS: &[Topic] = &[
    Topic {
        subject: "Shorter onboarding at {company}",
        texts: [
            "Hi {first},\r\n\r\nI saw that {company} is hiring for customer success. Teams like yours\r\ncut their onboarding from three weeks to one with us.\r\n\r\nWould a quarter of an hour next week make sense?",
            "Hello,\r\n\r\ninteresting timing, we talked about this on Monday. Wednesday at ten\r\nwould work. Can you send an agenda before?",
            "Hi {first},\r\n\r\nWednesday at ten it is. Three points: where new customers wait today,\r\nwhat a pilot looks like, and what it costs.",
            "Perfect. I will bring our head of operations.",
        ],
    },
    Topic {
        subject: "Question about your autumn plans",
        texts: [
            "Hello {first},\r\n\r\nwho at {company} looks after the software that your sales people use?\r\nI would like to show what changed since the spring.",
            "Hi, that is me. We are locked in until December, but please write\r\nagain in November.",
            "Will do, {first}. I put a note into my calendar for the second week\r\nof November.",
            "Thanks for not pushing. Talk then!",
        ],
    },
    Topic {
        subject: "{company} and the new reporting rules",
        texts: [
            "Dear {first},\r\n\r\nfrom January the new rules ask for a report each quarter. We prepared\r\na checklist of two pages. Shall I send it?",
            "Yes please. Is there a version that I may pass on to our auditors?",
            "Hi {first},\r\n\r\nof course, pass it on as you like. Page two is the one that auditors\r\nask about.",
            "Received, thank you. Our auditors have two questions. Can you join a\r\ncall on Friday?",
        ],
    },
    Topic {
        subject: "Following up: pilot for ten people",
        texts: [
            "Hi {first},\r\n\r\nas promised, the outline for a pilot with ten people: four weeks, one\r\nkick-off, one review. No card, no contract.",
            "Hello,\r\n\r\nlooks fair. Who would be our contact during the pilot?",
            "I would be, {first}. My direct line goes with the kick-off invitation.",
            "Good. Please send the invitation to the whole team.",
        ],
    },
    Topic {
        subject: "Pricing for {company}",
        texts: [
            "Hi {first},\r\n\r\nthank you for the call today. For twenty seats the price is 380 a month,\r\nbilled once a year. The offer holds until the end of the month.",
            "Hi,\r\n\r\nthat is a little above what we planned. Is there room if we take two\r\nyears?",
            "For two years I can take off twelve per cent, {first}. I attach nothing\r\nfancy, just say yes and the paper follows.",
            "Yes! Please send the paper to me and to our finance team.",
        ],
    },
    Topic {
        subject: "Not the right person?",
        texts: [
            "Hello {first},\r\n\r\nI wrote twice and do not want to be a nuisance. If someone else at\r\n{company} is the right person, a name would help me a lot.",
            "Please take me off your list. We do not need this.",
            "Done, {first}. You will not hear from us again. Sorry for the trouble.",
            "Thank you.",
        ],
    },
];

pub(super) static INQUIRIES: &[&str] = &[
    "Could you tell me what you charge for five people?",
    "Do you work with companies of our size? We are about forty.",
    "Do you have a customer that we could talk to before we decide?",
];

pub(super) static LATER_ANSWERS: &[&str] = &[
    "Quick update from our side: the budget is approved. What is the next step?",
    "Sorry for the silence, it was a busy week. Could we move our call to Thursday?",
    "I am out of the office until Monday and will answer then.",
    "Thanks, that helps. Could you send me the short version for my manager?",
];

pub(super) const JUNK: &str = "Dear winner,\r\n\r\nclaim your prize today!!! Answer with your details.\r\n";
pub(super) const DRAFT: &str = "Hi {first},\r\n\r\nhere is our offer for the autumn:\r\n\r\n";
pub(super) const INVOICE: &str = "Hello,\r\n\r\nwe received your payment for invoice 2041. Nothing is left to do.\r\n";
pub(super) const WITH_FILE: &str = "Hello,\r\n\r\nhere are the numbers for the pilot. Tell me if the columns fit.";
pub(super) const CSV: &str = "week,seats,active\r\n1,10,6\r\n2,10,8\r\n3,10,9\r\n4,10,10\r\n";
pub(super) const LOST: &str = "Hello,\r\n\r\nit was good to meet you at the trade fair. Shall we go on from there?\r\n";
pub(super) const NEWS_TEXT: &str =
    "Five openers that get answers\r\n\r\n1. Name the reason why you write today.\r\n2. Ask one question.\r\n";
pub(super) const NEWS_HTML: &str = "<!doctype html><html><body style=\"font-family:sans-serif\">\r\n\
    <img src=\"https://images.pipeline-news.test/header.png\" width=\"600\" height=\"120\" alt=\"The Pipeline Weekly\">\r\n\
    <h1>Five openers that get answers</h1>\r\n<ol><li>Name the reason why you write today.</li><li>Ask one question.</li></ol>\r\n\
    <p><a href=\"https://pipeline-news.test/issues/42\">Read the issue</a></p>\r\n\
    <img src=\"https://images.pipeline-news.test/open/42.gif\" width=\"1\" height=\"1\" alt=\"\">\r\n</body></html>\r\n";
