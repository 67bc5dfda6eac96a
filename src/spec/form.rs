//! What a value of a spec may be: its words, kinds of numbers, lists and tables, with what they mean. It is read from the
//! JSON Schema of the serde types, whose texts are their documentation comments, so that there is one source for what the
//! reader takes, what an editor offers and what the documentation says.

use serde_json::Value;
use toml::Value as Toml;

/// A word that a value may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// As a spec has it.
    pub word: String,
    /// What it means.
    pub about: String,
}

/// A key of a table.
#[derive(Debug, Clone)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// What it means.
    pub about: String,
    /// Its default as a spec would have it, or in words; none where it must be given, and of tables.
    pub default: Option<String>,
    /// Whether it must be given.
    pub required: bool,
    /// What its value may be.
    pub form: Form,
}

/// A table with keys.
#[derive(Debug, Clone, Default)]
pub struct TableForm {
    /// The keys that are known.
    pub fields: Vec<Field>,
    /// What the value of any other key may be; none where there can be no other.
    pub others: Option<Box<Form>>,
}

impl TableForm {
    /// The key of that name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

/// What a value may be: any of those that are set.
#[derive(Debug, Clone, Default)]
pub struct Form {
    /// One of these words.
    pub words: Vec<Word>,
    /// Any text.
    pub text: bool,
    /// Any number.
    pub number: bool,
    /// A whole number, this or more.
    pub whole: Option<i64>,
    /// True or false.
    pub boolean: bool,
    /// A list of such values.
    pub list: Option<Box<Form>>,
    /// A table.
    pub table: Option<Box<TableForm>>,
}

impl Form {
    /// What a JSON Schema allows.
    pub fn of(schema: &Value) -> Self {
        let mut form = Self::default();
        form.add(schema);
        form
    }

    fn add(&mut self, schema: &Value) {
        for alternative in ["anyOf", "oneOf"].iter().filter_map(|name| schema[*name].as_array()).flatten() {
            self.add(alternative);
        }
        let word = |value: &Value, about: &Value| {
            let word = value.as_str()?.to_string();
            Some(Word { word, about: plain(about.as_str().unwrap_or_default()) })
        };
        if let Some(word) = word(&schema["const"], &schema["description"]) {
            self.words.push(word);
            return;
        }
        if let Some(words) = schema["enum"].as_array() {
            self.words.extend(words.iter().filter_map(|value| word(value, &Value::Null)));
            return;
        }
        match schema["type"].as_str() {
            Some("string") => self.text = true,
            Some("number") => self.number = true,
            Some("integer") => self.whole = Some(schema["minimum"].as_f64().unwrap_or(0.0) as i64),
            Some("boolean") => self.boolean = true,
            Some("array") => self.list = Some(Box::new(Self::of(&schema["items"]))),
            Some("object") => self.table = Some(Box::new(table(schema))),
            _ => {}
        }
    }

    /// Whether the value can be nothing but a table, so that its keys are a section.
    pub fn section(&self) -> Option<&TableForm> {
        let only = self.words.is_empty() && !self.text && !self.number && self.whole.is_none();
        self.table.as_deref().filter(|_| only && !self.boolean && self.list.is_none())
    }

    /// The form of a file with no other section than this.
    pub fn only(&self, section: &str) -> Self {
        let fields = self.section().into_iter().flat_map(|table| &table.fields);
        let fields = fields.filter(|field| field.name == section).cloned().collect();
        Self { table: Some(Box::new(TableForm { fields, others: None })), ..Self::default() }
    }

    /// What the value may be, in words: "a number", "a list of numbers".
    pub fn expected(&self) -> String {
        let mut all = Vec::new();
        if !self.words.is_empty() {
            let words: Vec<String> = self.words.iter().map(|word| format!("\"{}\"", word.word)).collect();
            all.push(match words.as_slice() {
                [one] => one.clone(),
                many => format!("one of {}", many.join(", ")),
            });
        }
        if self.text {
            all.push("a text in quotes".to_string());
        }
        match (self.number, self.whole) {
            (true, _) => all.push("a number".to_string()),
            (_, Some(least)) => all.push(format!("a whole number, {least} or more")),
            _ => {}
        }
        if self.boolean {
            all.push("true or false".to_string());
        }
        if let Some(item) = &self.list {
            all.push(match item.section() {
                Some(_) => "a list of tables".to_string(),
                None => format!("a list of {}", item.plural()),
            });
        }
        if let Some(table) = &self.table {
            let names: Vec<&str> = table.fields.iter().map(|field| field.name.as_str()).collect();
            all.push(match names.as_slice() {
                [one] => format!("a table {{ {one} = .. }}"),
                _ => "a table".to_string(),
            });
        }
        all.join(" or ")
    }

    /// The kind of the value in a few words, for a table of keys: "whole number", "word".
    pub fn kind(&self) -> String {
        let mut all = Vec::new();
        let mut add = |there: bool, name: &str| {
            if there {
                all.push(name.to_string());
            }
        };
        add(!self.words.is_empty(), "word");
        add(self.text, "text");
        add(self.number, "number");
        add(!self.number && self.whole.is_some(), "whole number");
        add(self.boolean, "true or false");
        if let Some(item) = &self.list {
            add(true, &if item.section().is_some() { "tables".to_string() } else { item.listed() });
        }
        add(self.table.is_some(), "table");
        all.join(" or ")
    }

    /// "list of numbers".
    fn listed(&self) -> String {
        format!("list of {}", self.plural())
    }

    fn plural(&self) -> String {
        let kind = self.kind();
        let one = |kind: &str| match kind {
            "true or false" => kind.to_string(),
            _ if kind.starts_with("list of ") => kind.replacen("list", "lists", 1),
            _ => format!("{kind}s"),
        };
        kind.split(" or ").map(one).collect::<Vec<_>>().join(" or ")
    }
}

fn table(schema: &Value) -> TableForm {
    let required = |name: &str| {
        schema["required"].as_array().is_some_and(|list| list.iter().any(|key| key.as_str() == Some(name)))
    };
    let field = |(name, inner): (&String, &Value)| Field {
        name: name.clone(),
        about: plain(inner["description"].as_str().unwrap_or_default()),
        default: default(inner),
        required: required(name),
        form: Form::of(inner),
    };
    TableForm {
        fields: schema["properties"].as_object().into_iter().flatten().map(field).collect(),
        others: Some(&schema["additionalProperties"])
            .filter(|s| s.is_object())
            .map(|s| Box::new(Form::of(s))),
    }
}

/// The default of a key: what the schema says in words, or the value itself.
fn default(schema: &Value) -> Option<String> {
    if let Some(words) = schema["x-default"].as_str() {
        return Some(words.to_string());
    }
    match &schema["default"] {
        Value::Null | Value::Object(_) => None,
        Value::Number(number) => number.as_f64().map(|value| match value {
            v if v != 0.0 && v.abs() < 0.01 && !number.is_u64() => format!("{v:e}"),
            _ => number.to_string(),
        }),
        other => Some(toml_text(other)),
    }
}

/// A value as a spec has it.
fn toml_text(value: &Value) -> String {
    Toml::try_from(value).map_or_else(|_| value.to_string(), |value| value.to_string())
}

/// A documentation comment as a sentence on one line, without links of rustdoc.
fn plain(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.replace("[`", "`").replace("`]", "`")
}
