namespace Lguest.Jit.Translator.Trace;

/// <summary>Who looks at a <see cref="TieredEngine"/> at work. All may be absent, and then they cost nothing.</summary>
internal sealed record EngineProbes
{
    /// <summary>Stands at the doors of translated code. The engine disposes of it.</summary>
    public RegionWatch? Watch { get; init; }

    /// <summary>Sees what is compiled.</summary>
    public ICompileObserver? Compiler { get; init; }

    /// <summary>Sees what is decoded.</summary>
    public Core.Interpreter.IBlockObserver? Blocks { get; init; }
}
