namespace Lguest.Jit.Translator.Tests.Rigs;

/// <summary>
/// The shapes that translated code can have. What goes wrong between instructions shows in some of them and not in others, so the
/// tests that compare engines run in all.
/// </summary>
internal static class Shapes
{
    private static readonly Dictionary<string, Optimisations> s_sizes = new()
    {
        ["as usual"] = new Optimisations(),
        ["blocks alone"] = new Optimisations { Regions = false },
        ["instructions alone"] = new Optimisations { Regions = false, BlockLimit = 1 },
        ["regions of instructions"] = new Optimisations { BlockLimit = 1 },
        ["calls inlined"] = new Optimisations { InlinesAllCalls = true },
        ["calls inlined, blocks of two instructions"] = new Optimisations { InlinesAllCalls = true, BlockLimit = 2 },
        ["calls inlined, chains returning"] = new Optimisations { InlinesAllCalls = true, Chains = false },
        ["accesses aligned"] = new Optimisations { AlignsAllAccesses = true, Windows = false },
        ["accesses aligned, calls inlined"] = new Optimisations { AlignsAllAccesses = true, InlinesAllCalls = true, Windows = false },
        ["regions of two blocks"] = new Optimisations { RegionLimit = 2 },
        ["regions of three blocks of two instructions"] = new Optimisations { BlockLimit = 2, RegionLimit = 3 },
    };

    public static TheoryData<string> Names => [.. s_sizes.Keys, .. Optimisations.ByName.Keys.Select(static name => $"-{name}")];

    public static Optimisations Of(string name)
    {
        if (s_sizes.TryGetValue(name, out Optimisations? shape))
        {
            return shape;
        }

        var without = new Optimisations();
        Assert.True(without.TrySet(name));
        return without;
    }
}
