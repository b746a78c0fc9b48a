using Lguest.Jit.Core.Execution;

namespace Lguest.Jit.Switcher.Tests.Rigs;

/// <summary>Stands where an engine listens for writes into its code.</summary>
internal sealed class WriteLog : ICodeWriteObserver
{
    public List<(uint Physical, uint Length)> Writes { get; } = [];

    public void NotifyWrite(uint physical, uint length) => Writes.Add((physical, length));
}
