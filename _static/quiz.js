// Lets a reader choose in a quiz, and says what there is to say of a choice.
// Without it, the page shows the choices and the folded answers.
"use strict";

function start(quiz) {
  const choices = [...quiz.querySelectorAll("input")];
  const answers = [...quiz.querySelectorAll("details li")];
  const reply = quiz.querySelector(".quiz-reply");
  quiz.classList.add("quiz-live");
  quiz.querySelector("button").hidden = false;

  quiz.addEventListener("submit", (event) => {
    event.preventDefault();
    const index = choices.findIndex((choice) => choice.checked);
    if (index < 0) {
      reply.textContent = "Choose an answer first.";
      return;
    }
    const answer = answers[index];
    reply.replaceChildren(...answer.cloneNode(true).childNodes);
    reply.dataset.right = answer.dataset.right;
  });

  quiz.addEventListener("change", () => {
    reply.replaceChildren();
    delete reply.dataset.right;
  });
}

document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll("form.quiz").forEach(start);
});
