-- Format 7: bytes that go are asked for by the answers that may need them. Without it each of them takes a walk through all answers.

CREATE INDEX exchanges_answer ON exchanges (answer);
