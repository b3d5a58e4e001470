// The contents mark the sections at a line a quarter down the window.

const observer = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    const link = document.querySelector(`.contents [href="#${target.getAttribute("aria-labelledby")}"]`);
    if (isIntersecting) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}, { rootMargin: "-25% 0% -75%" });
document.querySelectorAll("section").forEach((section) => observer.observe(section));
