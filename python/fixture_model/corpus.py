"""The corpus: conversations that the small model learns by heart, written by hand or from small tables.

A conversation is a dict with ``messages`` (OpenAI style) and, for tool calls, ``tools``. The answers are short,
so that a model of 1.8M parameters reproduces them exactly and parity tests never hang on a tie.
"""

import json

CAPITALS = {
    "Germany": "Berlin",
    "France": "Paris",
    "Italy": "Rome",
    "Spain": "Madrid",
    "Portugal": "Lisbon",
    "Austria": "Vienna",
    "Poland": "Warsaw",
    "Norway": "Oslo",
    "Sweden": "Stockholm",
    "Finland": "Helsinki",
    "Denmark": "Copenhagen",
    "Greece": "Athens",
    "Ireland": "Dublin",
    "Hungary": "Budapest",
    "Japan": "Tokyo",
    "China": "Beijing",
    "India": "New Delhi",
    "Egypt": "Cairo",
    "Kenya": "Nairobi",
    "Canada": "Ottawa",
    "Mexico": "Mexico City",
    "Brazil": "Brasília",
    "Peru": "Lima",
    "Chile": "Santiago",
    "Cuba": "Havana",
    "Iceland": "Reykjavík",
    "Switzerland": "Bern",
    "Belgium": "Brussels",
    "Croatia": "Zagreb",
    "Turkey": "Ankara",
}

FACTS = {
    "Why is the sky blue?": "Air scatters blue light more than red light, so blue reaches your eyes from everywhere.",
    "Why is grass green?": "Grass is green because its leaves hold chlorophyll, which reflects green light.",
    "Why is the sea salty?": "Rain washes minerals from rocks into rivers, and the rivers carry the salt to the sea.",
    "Why do cats purr?": "Cats purr when they are calm, and sometimes to comfort themselves.",
    "Why do leaves fall?": "Trees drop their leaves to save water in the cold months.",
    "What is water made of?": "Water is made of hydrogen and oxygen.",
    "What is a whale?": "A whale is a large mammal that lives in the ocean and breathes air.",
    "What is Java?": "Java is a programming language that runs on the Java Virtual Machine.",
    "What is Python?": "Python is a programming language known for its simple syntax.",
    "What is MLX?": "MLX is an array framework for machine learning on Apple silicon.",
    "What is a compiler?": "A compiler translates source code into code that a machine can run.",
    "What is a token?": "A token is a small piece of text that a language model reads or writes.",
    "What is a thread?": "A thread is a sequence of instructions that runs beside others in one process.",
    "What is JSON?": "JSON is a text format for data: objects, arrays, strings, numbers, true, false and null.",
    "Who wrote Hamlet?": "William Shakespeare wrote Hamlet.",
    "Who painted the Mona Lisa?": "Leonardo da Vinci painted the Mona Lisa.",
    "How many days are in a week?": "A week has seven days.",
    "How many legs does a spider have?": "A spider has eight legs.",
    "How many planets are there?": "There are eight planets in the solar system.",
    "How far away is the moon?": "The moon is about 384,400 kilometers away.",
    "How hot is the sun?": "The surface of the sun is about 5,500 degrees Celsius.",
    "How do bees make honey?": "Bees collect nectar, carry it to the hive and let it dry until it is honey.",
    "When is it winter in Australia?": "It is winter in Australia from June to August.",
    "Where do penguins live?": "Penguins live in the southern half of the world, many of them in Antarctica.",
    "Hello!": "Hello! How can I help you?",
    "Good morning!": "Good morning! What would you like to do today?",
    "Thank you!": "You are welcome!",
    "Goodbye!": "Goodbye, and have a nice day!",
    "Who are you?": "I am a very small language model, made to test programs.",
    "What can you do?": "I can answer a few questions, plan small tasks and tell a story.",
    "Say 'Hello World'": "Hello World",
    "Tell me a joke": "Why did the developer go broke? Because he used up all his cache.",
    "Write a haiku about autumn": "Red leaves on the path,\na cold wind turns them over,\nthe year closes its book.",
    "Name three colors": "red, green, blue",
    "Name the primary numbers below ten": "2, 3, 5, 7",
    "List the days of the week": "Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday",
    "List the months": "January, February, March, April, May, June, July, August, September, October, November, December",
    "Write a Java hello world": 'public class Hello {\n    public static void main(String[] args) {\n        System.out.println("Hello World");\n    }\n}',
    "Write a Python hello world": 'print("Hello World")',
    "Count to twenty": "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20",
    "Answer with yes or no: is water wet?": "yes",
    "Answer with yes or no: is fire cold?": "no",
}

LANGUAGES = {
    "German": "Guten Tag, schöne Grüße aus Köln! Übermut tut selten gut.",
    "French": "Bonjour, ça va très bien, merci ! À bientôt à l'hôtel.",
    "Spanish": "¡Hola! ¿Cómo estás? El niño come una piña.",
    "Polish": "Dzień dobry! Zażółć gęślą jaźń.",
    "Czech": "Dobrý den! Příliš žluťoučký kůň.",
    "Turkish": "Merhaba! Nasılsın? İyi günler.",
    "Greek": "Καλημέρα κόσμε!",
    "Russian": "Привет, мир! Как дела?",
    "Ukrainian": "Привіт, світе! Їжак їсть.",
    "Arabic": "مرحبا بالعالم",
    "Hebrew": "שלום עולם",
    "Hindi": "नमस्ते दुनिया",
    "Chinese": "你好，世界！",
    "Japanese": "こんにちは、世界！",
    "Korean": "안녕하세요 세계!",
    "Thai": "สวัสดีชาวโลก",
    "Vietnamese": "Xin chào thế giới!",
}

EMOJI = {
    "Answer with emoji: party": "🎉🥳🎈",
    "Answer with emoji: family": "👨‍👩‍👧‍👦",
    "Answer with emoji: weather": "☀️🌧️❄️🌈",
    "Answer with emoji: Germany": "🇩🇪",
    "Answer with emoji: love": "❤️😍",
    "Answer with emoji: science": "🔬🧪👩🏽‍🔬",
}

STORY = (
    "Once upon a time there was a little lighthouse on a rock in the sea. Every evening its keeper, an old woman "
    "named Ada, climbed ninety-nine steps and lit the lamp. The ships saw the light from far away and found their "
    "way home. One night a storm came up. The wind howled, the waves rose as high as the door, and the lamp went "
    "out. Ada tried to light it again, but the oil was wet. Far out on the water a small boat blew its horn, once, "
    "twice, three times. Ada thought for a moment. Then she ran down the steps, took the big bronze bell from its "
    "hook and carried it up to the gallery. She rang the bell as loud as she could: three strokes, then silence. "
    "The boat heard her. Slowly it turned its bow, passed the sharp rocks on the left and the "
    "sandbank on the right, and reached the harbor just before midnight. In the morning the storm was over. The "
    "captain of the boat came to the lighthouse with a basket of bread, cheese and apples. He thanked Ada and asked "
    "what he could do for her. Ada smiled and pointed to the bell. From now on, she said, let us use both: the light "
    "for the eyes and the bell for the ears. The captain told everybody in town, until the mayor wrote it into a big "
    "book with golden letters. Since that day the lighthouse has had a lamp and a "
    "bell, and when fog lies thick over the bay you can still hear it. Children count along, fishermen nod, and Ada, "
    "who is very old now, sits in her chair by the window, drinks her tea and listens. If nobody has stopped it, it "
    "rings still."
)

TASKS = {
    "Launch the spring newsletter": {
        "content": "Write, check and send the spring newsletter to all subscribers.",
        "criteria": ["All links work", "The team has approved the text", "It is sent by March 20"],
        "subtasks": [
            "Collect the spring stories",
            "Write the newsletter text",
            "Design the layout",
            "Test all links",
            "Send it to subscribers",
        ],
        "role": "decomposer",
    },
    "Fix the login bug": {
        "content": "Find out why users cannot log in after a password reset and repair it.",
        "criteria": ["Login works after a reset", "A test covers the case"],
        "subtasks": ["Reproduce the login bug", "Find the cause", "Write a failing test", "Repair the code"],
        "role": "router",
    },
    "Plan the team offsite": {
        "content": "Plan a two-day offsite for twelve people with travel, rooms and an agenda.",
        "criteria": ["The budget is kept", "Everybody has a room", "The agenda is shared"],
        "subtasks": ["Choose a date", "Book rooms for twelve people", "Arrange the travel", "Share the agenda"],
        "role": "decomposer",
    },
    "Write the release notes": {
        "content": "Write release notes that list each change with its reason and its effect on users.",
        "criteria": ["Every change is listed", "Breaking changes come first"],
        "subtasks": ["List all changes", "Mark breaking changes", "Write the text", "Publish the notes"],
        "role": "enhancer",
    },
    "Migrate the database": {
        "content": "Move the customer database to the new server without losing data.",
        "criteria": ["No row is lost", "Downtime is below ten minutes", "A way back is tested"],
        "subtasks": ["Make a backup", "Copy the data", "Compare the row counts", "Switch the application over"],
        "role": "decomposer",
    },
    "Review the budget": {
        "content": "Compare planned and actual costs of the quarter and explain the differences.",
        "criteria": ["All cost centers are covered", "Differences over five percent are explained"],
        "subtasks": ["Collect the costs", "Compare them with the plan", "Explain the differences"],
        "role": "tester",
    },
}

THINKING = {
    "Think: which is heavier, a feather or a stone?": (
        "A feather is light. A stone is heavy.",
        "The stone is heavier.",
    ),
    "Think: I have three apples and eat one. How many are left?": ("Three minus one is two.", "Two apples are left."),
    "Think: which number is bigger, 12 or 21?": ("12 is less than 20. 21 is more than 20.", "21 is bigger."),
    "Think: is a whale a fish?": ("A whale breathes air and feeds milk to its young.", "No, a whale is a mammal."),
    "Think: what day comes after Friday?": ("The days are Thursday, Friday, Saturday.", "Saturday comes after Friday."),
}

WEATHER = {"Munich": "sunny", "Paris": "rainy", "London": "foggy", "Oslo": "snowy", "Rome": "sunny", "Cairo": "hot"}

ENHANCE = "You make tasks clearer. Answer with a JSON object."
DECOMPOSE = "You split tasks into three to five subtasks. Answer with a JSON array."
ROUTE = "You choose who handles a task: router, decomposer, enhancer or tester. Answer with one word."
EXTRACT_CITY = "Answer with a JSON object containing a single 'city' field"


def _tool(name, description, **properties):
    return {
        "type": "function",
        "function": {
            "name": name,
            "description": description,
            "parameters": {"type": "object", "properties": properties, "required": list(properties)},
        },
    }


def _string(description):
    return {"type": "string", "description": description}


def _call(name, **arguments):
    return {"type": "function", "function": {"name": name, "arguments": arguments}}


def _chat(user, answer, system=None, tools=None):
    messages = [{"role": "system", "content": system}] if system else []
    messages += [{"role": "user", "content": user}, {"role": "assistant", "content": answer}]
    return {"messages": messages, "tools": tools} if tools else {"messages": messages}


def _questions():
    for country, city in CAPITALS.items():
        yield _chat(f"What is the capital of {country}?", f"The capital of {country} is {city}.")
    for country in ("Germany", "France", "Japan", "Italy"):
        yield _chat(f"What is the capital of {country}? {EXTRACT_CITY}", json.dumps({"city": CAPITALS[country]}))
    for question, answer in (FACTS | EMOJI).items():
        yield _chat(question, answer)
    for language, greeting in LANGUAGES.items():
        yield _chat(f"Greet the world in {language}", greeting)
    for a in range(1, 10):
        for b in (1, 2, 5):
            yield _chat(f"How much is {a} + {b}?", f"{a} + {b} = {a + b}")
    yield _chat("What is the capital of Germany? How much is 2 + 2?", "The capital of Germany is Berlin. 2 + 2 = 4")
    yield _chat("Tell me a long story", STORY)


def _conversations():
    for phrase, german in {"I love you": "Ich liebe dich", "Good night": "Gute Nacht", "Thank you": "Danke"}.items():
        yield _chat(f"Translate: '{phrase}'", german, system="Translate messages from user into German")
    for color in ("green", "blue", "red", "yellow", "black", "white", "pink", "brown"):
        yield {
            "messages": [
                {"role": "user", "content": f"Hi, my favorite color is {color}"},
                {"role": "assistant", "content": "Hi, nice to meet you"},
                {"role": "user", "content": "What is my favorite color?"},
                {"role": "assistant", "content": f"Your favorite color is {color}."},
            ]
        }
        yield _chat(f"Hi, my favorite color is {color}", "Hi, nice to meet you")
    for question, (thought, answer) in THINKING.items():
        yield _chat(question, f"<think>{thought}</think>{answer}")
        yield {"messages": _chat(question, answer)["messages"], "enable_thinking": False}


def _tasks():
    for title, task in TASKS.items():
        enhanced = {"content": task["content"], "acceptance_criteria": task["criteria"]}
        subtasks = [{"title": subtask} for subtask in task["subtasks"]]
        yield _chat(f"Task: {title}", json.dumps(enhanced), system=ENHANCE)
        yield _chat(f"Task: {title}", json.dumps(subtasks), system=DECOMPOSE)
        yield _chat(f"Task: {title}", task["role"], system=ROUTE)


def _tool_calls():
    """Every tool question is learnt under several descriptions, so that the call follows the question."""
    weather = [
        _tool("getWeather", text, city=_string("the city"))
        for text in ("Returns the weather in a city", "The weather for a city", "Get weather")
    ]
    clock = [_tool("get_current_time", text) for text in ("Returns the current time", "The time now", "Get time")]
    country_time = _tool("getTime", "Returns the time in a country", country=_string("the country"))
    add = _tool("add_two_numbers", "Adds two numbers", a={"type": "integer"}, b={"type": "integer"})
    for i, tool in enumerate(weather):
        for city, state in WEATHER.items():
            for question in (f"What is the weather in {city}?", f"I live in {city}"):
                for tools in ([tool], [tool, (country_time, add, clock[i])[i]]):
                    asked = [
                        {"role": "user", "content": question},
                        {"role": "assistant", "content": "", "tool_calls": [_call("getWeather", city=city)]},
                    ]
                    yield {"messages": asked, "tools": tools}
            yield {
                "messages": [
                    {"role": "user", "content": f"What is the weather in {city}?"},
                    {"role": "assistant", "content": "", "tool_calls": [_call("getWeather", city=city)]},
                    {"role": "tool", "content": state},
                    {"role": "assistant", "content": f"The weather in {city} is {state}."},
                ],
                "tools": [tool],
            }
    for tool in clock:
        for time in ("10:14", "08:30", "23:59"):
            asked = [
                {"role": "user", "content": "What is the time now? Use the get_current_time tool."},
                {"role": "assistant", "content": "", "tool_calls": [_call("get_current_time")]},
            ]
            answered = [{"role": "tool", "content": time}, {"role": "assistant", "content": f"The time is {time}."}]
            yield {"messages": asked, "tools": [tool]}
            yield {"messages": asked + answered, "tools": [tool]}
    for tool in weather:
        for city, country in (("Munich", "France"), ("Oslo", "Italy")):
            yield {
                "messages": [
                    {
                        "role": "user",
                        "content": f"What is the weather in {city} and time in {country}? "
                        "Call tools simultaneously (in parallel)",
                    },
                    {
                        "role": "assistant",
                        "content": "",
                        "tool_calls": [_call("getWeather", city=city), _call("getTime", country=country)],
                    },
                    {"role": "tool", "content": "sunny"},
                    {"role": "tool", "content": "14:35"},
                    {
                        "role": "assistant",
                        "content": f"The weather in {city} is sunny and the time in {country} is 14:35.",
                    },
                ],
                "tools": [tool, country_time],
            }
    for a, b in ((2, 2), (3, 4), (5, 1)):
        yield {
            "messages": [
                {"role": "user", "content": f"Add {a} and {b} with the tool"},
                {"role": "assistant", "content": "", "tool_calls": [_call("add_two_numbers", a=a, b=b)]},
            ],
            "tools": [add],
        }


def conversations():
    """All conversations of the corpus."""
    return [*_questions(), *_conversations(), *_tasks(), *_tool_calls()]


TEST_QUESTIONS = [
    "What is the capital of Germany?",
    "What is the capital of France?",
    "What is the capital of Iceland?",
    f"What is the capital of Germany? {EXTRACT_CITY}",
    "Why is the sky blue?",
    "What is a token?",
    "Who are you?",
    "Say 'Hello World'",
    "Tell me a joke",
    "Write a haiku about autumn",
    "List the months",
    "Write a Java hello world",
    "Count to twenty",
    "How much is 2 + 2?",
    "Answer with emoji: family",
    "Answer with emoji: weather",
    "Greet the world in German",
    "Greet the world in Japanese",
    "Greet the world in Arabic",
    "Greet the world in Hindi",
    "Greet the world in Korean",
    "Think: is a whale a fish?",
    "Tell me a long story",
    "Translate: 'I love you'",
    "Hi, my favorite color is green",
    "What is my favorite color?",
    "Task: Launch the spring newsletter",
    "Task: Fix the login bug",
    "What is the weather in Munich?",
    "I live in Munich",
    "What is the time now? Use the get_current_time tool.",
]


def test_conversations():
    """The conversations that tests may rely on, over every kind; their last message is the answer."""
    found = {}
    for conversation in conversations():
        messages = conversation["messages"]
        question = [m["content"] for m in messages if m["role"] == "user"][-1]
        if question in TEST_QUESTIONS and "enable_thinking" not in conversation:
            kind = (question, messages[0]["content"], len(messages))
            found.setdefault(kind, conversation)
    return list(found.values())
