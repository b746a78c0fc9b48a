using System.Diagnostics;
using System.Reflection;
using Lguest.Jit.Guests.Programs;

namespace Lguest.Jit.Perf.Versus;

/// <summary>One of our engines: this very program again, with the command <c>guest</c>.</summary>
internal sealed class OwnContender(bool jit) : Contender
{
    public override string Name => jit ? ContenderNames.Jit : ContenderNames.Interpreter;

    public override int GoodExitCode => 0;

    public override ProcessStartInfo Command(GuestProgram program, int iterations, int rounds)
    {
        string host = Environment.ProcessPath ?? throw new InvalidOperationException("The path of this process is not known.");
        var start = new ProcessStartInfo(host);
        if (Path.GetFileNameWithoutExtension(host) == "dotnet")
        {
            start.ArgumentList.Add(Assembly.GetExecutingAssembly().Location);
        }

        string[] arguments = [GuestCommand.Name, program.Name, "--engine", Name, "--iterations", $"{iterations}", "--rounds", $"{rounds}"];
        Array.ForEach(arguments, start.ArgumentList.Add);
        return start;
    }
}
