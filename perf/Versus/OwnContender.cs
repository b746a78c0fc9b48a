using System.Diagnostics;
using System.Reflection;
using Lguest.Jit.Guests.Programs;

namespace Lguest.Jit.Perf.Versus;

/// <summary>One of our engines: this very program again, with the command <c>guest</c>.</summary>
/// <param name="jit">Which.</param>
/// <param name="host">What to start.</param>
/// <param name="assembly">Its first argument, if that is dotnet.</param>
internal sealed class OwnContender(bool jit, string host, string assembly) : Contender
{
    /// <summary>By the host that runs this process.</summary>
    public OwnContender(bool jit)
        : this(jit, Environment.ProcessPath ?? "dotnet", Assembly.GetExecutingAssembly().Location)
    {
    }

    public override string Name => jit ? ContenderNames.Jit : ContenderNames.Interpreter;

    public override int GoodExitCode => 0;

    public override ProcessStartInfo Command(GuestProgram program, int iterations, int rounds)
    {
        var start = new ProcessStartInfo(host);
        if (Path.GetFileNameWithoutExtension(host) == "dotnet")
        {
            start.ArgumentList.Add(assembly);
        }

        string[] arguments = [GuestCommand.Name, program.Name, "--engine", Name, "--iterations", $"{iterations}", "--rounds", $"{rounds}"];
        Array.ForEach(arguments, start.ArgumentList.Add);
        return start;
    }
}
