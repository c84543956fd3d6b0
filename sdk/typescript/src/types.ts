// The values of the platform's interface under the names by which users know them. `schema.ts` is
// written from the platform's OpenAPI document. Amounts of money are US dollars, times ISO 8601 in UTC.

import type { components } from "./schema.ts";

type Schemas = components["schemas"];
/** An answer that tells under which id its call stands in the ledger. */
type Metered<T> = T & { requestId: string };

export type Completion = Metered<Schemas["CompleteAnswer"]>;
export type TokenUsage = Schemas["platform.UsageItem"];
export type ToolCall = Schemas["ToolCallItem"];
export type Embeddings = Metered<Schemas["EmbedAnswer"]>;
export type Classification = Metered<Schemas["ClassifyAnswer"]>;
export type Model = Schemas["ModelItem"];
export type Tool = Schemas["ToolDescription"];
export type ToolResult = Metered<Schemas["ToolAnswer"]>;
export type ToolUsage = Schemas["ToolUsage"];
export type AddedDocument = Schemas["AddedItem"];
export type Document = Schemas["DocumentItem"];
export type DocumentText = Schemas["DocumentText"];
export type DeletedDocument = Schemas["DeletedDocument"];
export type SearchResults = Metered<Schemas["SearchResults"]>;
export type SearchResult = Schemas["ResultItem"];
export type DocumentsAnswer = Metered<Schemas["DocumentsAnswer"]>;
export type Citation = Schemas["Citation"];
export type Run = Schemas["RunItem"];
export type RunSummary = Schemas["RunSummary"];
export type RunStatus = Run["status"];
export type RunError = Schemas["RunErrorItem"];
export type PendingApproval = Schemas["ApprovalItem"];
export type Step = Schemas["StepItem"];
export type Key = Schemas["KeyItem"];
export type RateLimit = Schemas["RateLimit"];
export type ProviderKey = Schemas["VendorKeyItem"];
export type Workspace = Schemas["WorkspaceItem"];
export type Provider = Schemas["ProviderItem"];
export type Trouble = Schemas["Trouble"];
export type UsageTotals = Schemas["TotalsItem"];
export type UsageEvent = Schemas["EventItem"];
export type Budget = Schemas["BudgetItem"];
export type OwnBudgets = Schemas["OwnBudgets"];
export type BudgetList = Schemas["BudgetList"];
export type Unconfirmed = Schemas["UnconfirmedItem"];
export type Projection = Schemas["ProjectionItem"];
export type Latency = Schemas["LatencyAnswer"];
export type ServiceLevels = Schemas["SloAnswer"];
export type Prompt = Schemas["PromptItem"];
export type PromptDetail = Schemas["PromptDetail"];
export type RenderedPrompt = Schemas["RenderedPrompt"];
export type PromptDiff = Schemas["PromptDiff"];
export type Fact = Schemas["FactItem"];
export type Turn = Schemas["TurnItem"];
export type Forgotten = Schemas["Forgotten"];
export type Health = Schemas["Health"];

export type Message = Schemas["platform.MessageItem"];
/** What a model is asked; one text stands for one message of the user. */
export type CompleteRequest = Omit<Schemas["CompleteRequest"], "stream" | "resumable" | "messages"> & {
  messages?: string | readonly Message[];
};
export type StreamRequest = CompleteRequest & { resumable?: boolean };
export type EmbedRequest = Schemas["EmbedRequest"];
export type ClassifyRequest = Schemas["ClassifyRequest"];
export type SearchRequest = Schemas["SearchDocuments"];
export type AskRequest = Schemas["AskDocuments"];
export type RunRequest = Schemas["RunBody"];
export type CreateKeyRequest = Schemas["CreateKey"];
export type UpdateKeyRequest = Schemas["ChangeKey"];
export type SetWorkspaceRequest = Schemas["SetWorkspace"];
export type FactRequest = Schemas["FactBody"];
export type SetBudgetRequest = Schemas["SetBudget"];
export type RenderRequest = Schemas["RenderRequest"];

export type Dimension = "day" | "hour" | "key" | "model" | "provider" | "tag" | "user" | "workspace";
/** Sums over the calls of one model, or one day, or whatever was asked for. */
export type UsageRow = UsageTotals & Partial<Record<Dimension, string>>;
/** Sums over all calls of a range of time, and by a dimension where one was named. */
export interface Usage {
  totals: UsageTotals;
  rows: UsageRow[];
}
