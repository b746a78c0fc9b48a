namespace Lguest.Jit.Perf.Suites;

/// <summary>What a suite's Guest runs on: every suite has both side by side.</summary>
public enum EngineKind
{
    Interpreter,
    Jit,
}
