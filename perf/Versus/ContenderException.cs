namespace Lguest.Jit.Perf.Versus;

/// <summary>A contender failed: its message says how, for one cell of a table.</summary>
internal sealed class ContenderException(string message) : Exception(message);
