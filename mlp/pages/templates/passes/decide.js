// The predicted class from the outputs P for an example: with one output class 1 from 1/2 on.
function decide(P) {
  return P.length === 1 ? Number(P[0] >= 0.5) : P.indexOf(Math.max(...P));
}
