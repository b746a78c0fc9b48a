using Lguest.Jit.Translator.Cache;
using Lguest.Jit.Translator.Discover;

namespace Lguest.Jit.Translator.Trace;

/// <summary>Somebody who wants to see what the compiler makes. Called on the thread that compiles.</summary>
internal interface ICompileObserver
{
    /// <summary>Shall the IL of this plan be recorded?</summary>
    bool WantsIl(RegionPlan plan);

    /// <summary>A region has been compiled; it is not in use yet.</summary>
    /// <param name="region">Its code exists while this call lasts, at least.</param>
    /// <param name="il">Its IL, if it was wanted.</param>
    void Compiled(CompiledRegion region, IlRecorder? il);
}
