namespace Lguest.Jit.Switcher.Tests.Rigs;

/// <summary>Tests that measure CPU time or moments: one at a time, and with no other test beside them.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class QuietTests
{
    public const string Name = "Quiet";
}
