"""What other tools call the options and functions here, and what they have that is not offered: for messages alone."""

import difflib
import math
import re
from collections.abc import Iterable

NEAR = 0.84
"""How like a known name a misspelling of it must be, by difflib's ratio; export and report are 0.83 alike."""

SECTIONS = {"model": "network net mlp", "training": "train trainer fit hyperparameters"}
"""Our section: names for it elsewhere, separated by blanks. Upper case, hyphens and underscores make no difference."""

OPTIONS = {
    "data.directory": "dataset path data_dir data_path data_root data_folder dataset_dir dataset_path root input_dir",
    "data.digits": "classes class_names labels digit target_classes",
    "data.limit_per_digit": "limit max_samples num_samples n_samples subset subset_size limit_per_class",
    "data.validation_fraction": "validation validation_split validation_size validation_ratio val_split val_fraction "
    "val_ratio val_size test_size",
    "model.hidden_sizes": "hidden hidden_layer hidden_layers hidden_layer_sizes hidden_size hidden_units hidden_dim "
    "hidden_dims n_hidden num_hidden layers layer_sizes num_layers n_layers units neurons width depth architecture",
    "model.loss": "losses criterion loss_fn loss_function objective cost cost_function",
    "training.epochs": "epoch n_epochs num_epochs max_epochs nb_epoch num_train_epochs max_iter n_iter iterations",
    "training.batch_size": "batch bs minibatch minibatch_size batches train_batch_size",
    "training.learning_rate": "lr eta eta0 rate step_size base_lr initial_lr init_lr learning_rate_init",
    "training.momentum": "mom mu",
    "training.weight_decay": "wd decay l2 l2_reg l2_penalty l2_regularization lambda alpha reg regularization "
    "kernel_regularizer",
    "training.seed": "random_state random_seed rng_seed manual_seed rng",
    "training.precision": "dtype float_type data_type",
    "training.threads": "n_jobs num_threads n_threads workers num_workers",
    "training.checkpoint_every": "save_every save_freq save_steps save_interval checkpoint_freq checkpoint_interval",
    "output.directory": "output_dir out_dir out save_dir save_path log_dir run_dir result_dir results_dir "
    "checkpoint_dir model_dir work_dir dir",
}
"""Our key: names for it elsewhere, as above."""

VALUES = {
    "euclidean": "mse mse_loss mean_squared_error squared_error squared quadratic sse l2",
    "cross_entropy": "bce bce_loss binary_crossentropy bce_with_logits bce_with_logits_loss crossentropy_loss xent ce "
    "log_loss logistic nll nll_loss categorical_crossentropy sparse_categorical_crossentropy softmax",
    "float32": "float single fp32 f32 32",
    "float64": "double fp64 f64 64",
}
"""A value of ours: names for it elsewhere, as above."""

NOT_OFFERED = {
    "the hidden layers are sigmoids": "activation activations activation_function nonlinearity",
    "the optimizer is SGD, with training.momentum and training.weight_decay": "optimizer optim optimiser solver adam "
    "nesterov betas beta1 beta2 eps epsilon",
    "the learning rate is constant": "schedule scheduler lr_scheduler lr_schedule learning_rate_schedule lr_decay "
    "warmup warmup_steps",
    "all epochs are trained, and the best one's weights on the validation images are kept": "patience early_stopping "
    "early_stop early_stopping_patience n_iter_no_change restore_best_weights tol",
    "all images count the same": "class_weight class_weights sample_weight pos_weight",
    "a run learns two digits, data.digits": "num_classes n_classes nb_classes",
    "images must not lie transposed, as EMNIST's do": "transpose transposed",
    "scripts/grow_data.py rotates and shifts images": "augment augmentation data_augmentation",
    "the network has weights, biases and sigmoids alone": "dropout dropout_rate batch_norm batch_normalization "
    "layer_norm normalization conv kernel_size filters residual",
    "biases start at zero, weights Glorot uniform": "init initializer initialization weight_init kernel_initializer "
    "use_bias",
    "gradients are used as they are": "grad_clip gradient_clip gradient_clipping clip_grad clip_grad_norm clipnorm "
    "max_grad_norm gradient_accumulation accumulation_steps",
    "weight_decay is the only penalty": "l1 l1_ratio l1_reg l1_penalty",
    "everything runs on the CPU": "device gpu gpus cuda use_cuda use_gpu accelerator amp fp16 mixed_precision",
    "the images are in a new order in each epoch": "shuffle",
    "pixels are divided by 255": "normalize standardize rescale mean std",
}
"""What is the case instead: names, as above, of options that other tools have and this one has not, or not yet."""

FUNCTIONS = {
    "log(x)": "ln loge",
    "log(x) / log(10)": "log10 lg",
    "log(x) / log(2)": "log2",
    "log(1 + x)": "log1p",
    "log(1 + exp(x))": "softplus",
    "exp(x) - 1": "expm1",
    "x ** 2": "square sqr pow power",
    "x ** 0.5": "sqrt root",
    "1 / x": "reciprocal inv",
    "sigmoid(x)": "σ sigma logistic expit",
    "2 * sigmoid(2 * x) - 1": "tanh",
    "max(x, 0)": "relu",
    "max(x, -x)": "abs fabs absolute",
    "max(a, b)": "maximum fmax",
    "-max(-a, -b)": "min minimum fmin",
    "sum(x)": "Σ Sum",
    "sum(x) / n": "mean average avg",
    "a @ b": "dot matmul mm",
    "a * b": "mul multiply prod",
    "a + b": "add",
    "a - b": "sub subtract",
    "-x": "neg negative",
    "a / b": "div divide",
    "softmax_loss(scores, k)": "cross_entropy cross_entropy_loss softmax log_softmax",
    "svm_loss(scores, k)": "hinge hinge_loss",
}
"""What to write: names of it elsewhere."""

CONSTANTS = {"e": f"{math.e}, or write exp(b) for e ** b", "pi": str(math.pi), "π": str(math.pi)}
"""Names that stand for a number elsewhere, and have no value here: the value to give."""

SIGNS = {
    "×": "*",
    "·": "*",
    "⋅": "*",
    "∙": "*",
    "∗": "*",
    "−": "-",
    "–": "-",
    "÷": "/",
    "²": "**2",
    "³": "**3",
    "√": "(x)**0.5",
}
"""Signs of mathematics: what to write for them."""


def _plain(name: str) -> str:
    """A name without what tools differ in: batch_size, batch-size and batchSize are one."""
    return re.sub(r"[-_. ]", "", name).casefold()


def _found(table: dict[str, str], name: str) -> str | None:
    return next((ours for ours, names in table.items() if _plain(name) in map(_plain, names.split())), None)


def near(name: str, known: Iterable[str]) -> str | None:
    """The known name that is spelled almost so, or with the same letters in another order."""
    wrong, names = _plain(name), {_plain(each): each for each in known}
    anagrams = [each for each in names if sorted(each) == sorted(wrong)]
    return next((names[each] for each in [*anagrams, *difflib.get_close_matches(wrong, names, n=1, cutoff=NEAR)]), None)


def section(name: str) -> str | None:
    """Our section for what another tool calls so."""
    return _found(SECTIONS, name)


def option(name: str) -> str | None:
    """Our key for what another tool calls so."""
    return _found(OPTIONS, name)


def value(name: str) -> str | None:
    """Our value for what another tool calls so, or for one of ours in another spelling, such as cross-entropy."""
    name = name.rpartition(".")[2]
    return _found(VALUES, name) or _found({ours: ours for ours in VALUES}, name)


def not_offered(name: str) -> str | None:
    """What is the case instead, if other tools have an option of this name and this one has none like it."""
    return _found(NOT_OFFERED, name)


def function(name: str) -> str | None:
    """What to write for a function that has this name elsewhere."""
    return next((ours for ours, names in FUNCTIONS.items() if name in names.split()), None)
