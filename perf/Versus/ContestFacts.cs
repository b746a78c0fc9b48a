namespace Lguest.Jit.Perf.Versus;

/// <summary>What has to stand beside figures.</summary>
/// <param name="Started">When.</param>
/// <param name="Host">Where.</param>
/// <param name="Qemu">Which QEMU; null if none took part.</param>
/// <param name="Processes">How many processes each median is of.</param>
/// <param name="LoadBefore">Load average of the minute before.</param>
/// <param name="LoadAfter">Load average of the last minute of the contest.</param>
internal sealed record ContestFacts(DateTimeOffset Started, HostFacts Host, string? Qemu, int Processes, double? LoadBefore, double? LoadAfter);
