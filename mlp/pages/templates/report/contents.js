// The contents mark the sections at a line just below the top of the window, where a link leads: a section may be low.

const observer = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    const link = document.querySelector(`.contents [href="#${target.getAttribute("aria-labelledby")}"]`);
    if (isIntersecting) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}, { rootMargin: "-5% 0% -95%" });
document.querySelectorAll("section").forEach((section) => observer.observe(section));
