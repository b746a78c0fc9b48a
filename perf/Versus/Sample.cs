namespace Lguest.Jit.Perf.Versus;

/// <summary>What one process was measured to take.</summary>
/// <param name="Cold">Seconds of the first round, with whatever there was to translate.</param>
/// <param name="Warm">Seconds of the second round.</param>
/// <param name="Processor">Seconds that all its threads together were on a processor in the second round; null where that is not known.</param>
/// <param name="Instructions">Guest instructions of the second round, if the contender counts them.</param>
internal readonly record struct Sample(double Cold, double Warm, double? Processor, long? Instructions);
